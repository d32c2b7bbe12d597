//! Lists over HTTP: `limit` and an opaque `cursor` in the query, `items` and `next_cursor` in the answer.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::DateTime;

use crate::http::fields::Fields;
use crate::store::{Cursor, PageRequest};

const DEFAULT_LIMIT: u64 = 20;
const LARGEST_LIMIT: u64 = 100;

/// Reads `limit` and `cursor` from a query.
pub fn page_request(fields: &mut Fields) -> PageRequest {
    let limit = fields
        .optional_integer("limit", 1..=LARGEST_LIMIT)
        .unwrap_or(DEFAULT_LIMIT);
    let after = fields.optional_string(&["cursor"]).and_then(|text| {
        let cursor = read_cursor(&text);
        if cursor.is_none() {
            fields.refuse(
                "cursor",
                "value is not a valid cursor",
                "value_error.cursor",
            );
        }
        cursor
    });
    PageRequest {
        limit: usize::try_from(limit).unwrap_or(usize::MAX),
        after,
    }
}

/// The opaque text of a position in a list.
pub fn write_cursor(cursor: &Cursor) -> String {
    URL_SAFE_NO_PAD.encode(format!(
        "{}:{}",
        cursor.created_at.timestamp_millis(),
        cursor.id
    ))
}

fn read_cursor(text: &str) -> Option<Cursor> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let (milliseconds, id) = std::str::from_utf8(&bytes).ok()?.split_once(':')?;
    let created_at = DateTime::from_timestamp_millis(milliseconds.parse().ok()?)?;
    let plain = !id.is_empty()
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    plain.then(|| Cursor {
        created_at,
        id: id.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::now;

    #[test]
    fn a_cursor_survives_its_way_through_an_url() {
        let cursor = Cursor {
            created_at: now(),
            id: "0190-af".into(),
        };
        assert_eq!(read_cursor(&write_cursor(&cursor)), Some(cursor));
    }

    #[test]
    fn a_made_up_cursor_is_refused() {
        for text in [
            "",
            "x",
            "%%%",
            "MTIz",
            "YTpi",
            &URL_SAFE_NO_PAD.encode("1:../x"),
            &URL_SAFE_NO_PAD.encode("99999999999999999:a"),
        ] {
            assert_eq!(read_cursor(text), None, "{text}");
        }
    }
}
