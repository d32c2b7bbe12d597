//! The API's OpenAPI 3.1 document, built from the handlers of all functions.

use anyhow::Context;
use bonafide_core::auth::{ApiKeys, Bearer};
use bonafide_core::config::{Config, Environment};
use bonafide_core::events::EventSink;
use bonafide_core::http::API_VERSION;
use utoipa::Modify;
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, ServerBuilder};

use crate::house::{House, load_detector};

const DESCRIPTION: &str = "\
Is the speech in a recording *bona fide* (a human being) or *spoof* (a machine)?

Partners post a recording and get the verdict at once (`POST /api/v1/detect`, with an API key). Users sign up, take an \
access token, upload recordings, and see each one's detection as soon as the analysis, which starts by itself, is done.

Every error has one shape: `status`, `error`, `code`, `request_id`, and where there is more to say, `detail`.";

/// The groups of operations, in the order in which documentation shows them.
const TAGS: [(&str, &str); 6] = [
    (
        "Synchronous detection",
        "One recording in, its verdict out. With a key in `x-api-key`.",
    ),
    ("Authentication", "Accounts and access tokens."),
    (
        "Audio files",
        "A user's recordings: upload them, and follow their analysis.",
    ),
    (
        "Detections",
        "What the analyses of a user's recordings found.",
    ),
    (
        "Objects",
        "Where signed URLs lead while recordings are kept in a local folder.",
    ),
    ("Health", "Whether the service and its model answer."),
];

/// The document without any route: what is said about the API as a whole.
pub(crate) fn frame() -> OpenApi {
    let mut document = OpenApiBuilder::new()
        .info(
            InfoBuilder::new()
                .title("AI Voice Detection API")
                .version(API_VERSION)
                .description(Some(DESCRIPTION))
                .license(Some(
                    LicenseBuilder::new()
                        .name("MIT OR Apache-2.0")
                        .identifier(Some("MIT OR Apache-2.0"))
                        .build(),
                ))
                .build(),
        )
        .servers(Some([ServerBuilder::new()
            .url("/")
            .description(Some("This server"))
            .build()]))
        .tags(Some(TAGS.map(|(name, description)| {
            TagBuilder::new()
                .name(name)
                .description(Some(description))
                .build()
        })))
        .build();
    Bearer.modify(&mut document);
    ApiKeys::default().modify(&mut document);
    document
}

/// The whole document as indented JSON that ends in a newline. The same bytes every time.
///
/// The routers document themselves only once they are built, so they are built around a store and a bucket in a
/// temporary folder, which is gone afterwards.
pub(crate) fn document() -> anyhow::Result<String> {
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    let mut config = Config::read(|_| None, Environment::Development)?;
    config.data_dir = folder.path().to_owned();
    let store = config.open_embedded_store()?;
    let house = House::new(
        &config,
        &store,
        config.open_bucket()?,
        EventSink::Bucket,
        load_detector(&config)?,
    )?;
    let mut json = house.routes.into_openapi().to_pretty_json()?;
    json.push('\n');
    Ok(json)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;

    const COMMITTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../openapi.json");

    #[test]
    fn the_committed_document_is_the_one_that_the_handlers_make() {
        let committed = std::fs::read_to_string(COMMITTED).unwrap();
        assert!(
            committed == document().unwrap(),
            "openapi.json is out of date; refresh it with: cargo run -p bonafide -- openapi > new.json && \
             mv new.json openapi.json"
        );
    }

    fn generated() -> Value {
        serde_json::from_str(&document().unwrap()).unwrap()
    }

    fn strings_under<'a>(key: &str, value: &'a Value, found: &mut Vec<&'a str>) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    match value {
                        Value::String(text) if name == key => found.push(text),
                        other => strings_under(key, other, found),
                    }
                }
            }
            Value::Array(items) => items
                .iter()
                .for_each(|item| strings_under(key, item, found)),
            _ => {}
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let document = generated();
        let mut references = Vec::new();
        strings_under("$ref", &document, &mut references);
        assert!(!references.is_empty());
        for reference in references {
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{reference}");
        }
    }

    #[test]
    fn every_operation_has_its_own_id_so_that_clients_can_be_generated() {
        let document = generated();
        let mut ids = Vec::new();
        strings_under("operationId", &document["paths"], &mut ids);
        let operations: usize = document["paths"]
            .as_object()
            .unwrap()
            .values()
            .map(|path| path.as_object().unwrap().len())
            .sum();
        assert_eq!(ids.len(), operations);
        assert_eq!(
            ids.iter().collect::<BTreeSet<_>>().len(),
            ids.len(),
            "{ids:?}"
        );
    }

    #[test]
    fn every_operation_belongs_to_a_described_group_and_every_group_has_one() {
        let document = generated();
        let operations = document["paths"]
            .as_object()
            .unwrap()
            .values()
            .flat_map(|path| path.as_object().unwrap().values());
        let used: BTreeSet<&str> = operations
            .flat_map(|operation| operation["tags"].as_array().unwrap())
            .map(|tag| tag.as_str().unwrap())
            .collect();
        assert_eq!(used, TAGS.map(|(name, _)| name).into_iter().collect());
    }

    #[test]
    fn every_security_requirement_names_a_scheme() {
        let document = generated();
        let schemes = document["components"]["securitySchemes"]
            .as_object()
            .unwrap();
        for (path, operations) in document["paths"].as_object().unwrap() {
            for operation in operations.as_object().unwrap().values() {
                let required = operation["security"].as_array().into_iter().flatten();
                for scheme in
                    required.flat_map(|requirement| requirement.as_object().unwrap().keys())
                {
                    assert!(schemes.contains_key(scheme), "{path}: {scheme}");
                }
            }
        }
    }
}
