//! Object keys: which ones are accepted, and how one is read out of a URL.

use object_store::path::Path;
use url::Url;

use super::ObjectError;

/// The longest key. Far above what the house makes, below what every storage takes.
pub const MAX_KEY_BYTES: usize = 512;

/// The longest part between two slashes: file systems take 255 bytes, and the local folder adds a suffix while it writes.
const MAX_SEGMENT_BYTES: usize = 200;

/// Accepts keys of `[A-Za-z0-9/_.-]` without empty, `.` or `..` segments.
///
/// Keys are made by the server; this is the second lock, for keys that come back in URLs and events.
///
/// # Errors
/// [`ObjectError::InvalidKey`].
pub fn check_key(key: &str) -> Result<(), ObjectError> {
    let sound = |segment: &str| {
        !matches!(segment, "" | "." | "..")
            && segment.len() <= MAX_SEGMENT_BYTES
            && segment
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'))
    };
    if key.len() <= MAX_KEY_BYTES && key.split('/').all(sound) {
        Ok(())
    } else {
        Err(ObjectError::InvalidKey(key.to_owned()))
    }
}

/// The key that follows `address` in `url`, if it does and is sound. `address` ends with a slash.
pub(super) fn under(address: &Url, url: &Url) -> Option<String> {
    let same_place = url.scheme() == address.scheme()
        && url.host_str() == address.host_str()
        && url.port_or_known_default() == address.port_or_known_default()
        && url.username().is_empty()
        && url.password().is_none();
    if !same_place {
        return None;
    }
    let encoded = url.path().strip_prefix(address.path())?;
    // `Path` would quietly drop these slashes and so name another object.
    if encoded.starts_with('/') || encoded.ends_with('/') {
        return None;
    }
    let key = Path::from_url_path(encoded).ok()?.to_string();
    check_key(&key).ok().map(|()| key)
}
