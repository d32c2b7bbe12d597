//! What the service shows of itself: the root, its health, and the documentation of the API.

use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::api::{Answer, Api, fields};
use crate::journey::text;
use crate::process::{Server, bonafide};

async fn served() -> (TempDir, Server, Api) {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::serve(folder.path(), &[]);
    let api = Api::of(&server);
    (folder, server, api)
}

async fn page(api: &Api, path: &str) -> Answer {
    let answer = api
        .send(
            api.request(Method::GET, path)
                .header("accept", "text/html,application/xhtml+xml,*/*;q=0.8"),
        )
        .await;
    assert_eq!(answer.status, 200, "{path}");
    answer
}

#[tokio::test]
async fn the_root_names_the_api_for_programs_and_shows_a_page_to_people() {
    let (_folder, _server, api) = served().await;
    let expected = json!({ "message": "AI Voice Detection API", "version": "1.0.0", "docs": "/docs", "health": "/health" });
    assert_eq!(api.get("/").await.expect(200), expected);
    let request = api
        .request(Method::GET, "/")
        .header("accept", "application/json");
    assert_eq!(api.send(request).await.expect(200), expected);
    let demo = page(&api, "/").await;
    assert!(demo.header("content-type").starts_with("text/html"));
    assert!(demo.text.contains("Bonafide"));
}

#[tokio::test]
async fn health_says_that_the_model_answers() {
    let (_folder, _server, api) = served().await;
    let health = api.get("/health").await.expect(200);
    assert_eq!(
        health,
        json!({ "status": "healthy", "version": "1.0.0", "model_loaded": true })
    );
    let service = api.get("/api/v1/ml-service-health").await.expect(200);
    assert_eq!(
        fields(&service),
        ["model", "model_loaded", "status", "version"]
    );
    assert_eq!(
        (&service["status"], &service["model_loaded"]),
        (&json!("healthy"), &json!(true))
    );
    assert_eq!(fields(&service["model"]), ["name", "sha256", "version"]);
}

#[tokio::test]
async fn every_page_works_without_the_internet() {
    let (_folder, _server, api) = served().await;
    for path in ["/", "/docs", "/redoc"] {
        let html = page(&api, path).await.text;
        let parts = linked(&html);
        assert!(!parts.is_empty(), "{path} loads nothing");
        for part in parts {
            if part.starts_with("data:") || part.starts_with('#') {
                continue;
            }
            assert!(!part.contains("//"), "{path} loads {part}");
            let part = if part.starts_with('/') {
                part
            } else {
                format!("/{}", part.trim_start_matches("./"))
            };
            // The second is a link to follow, not a part to load; both must be there.
            assert_eq!(api.get(&part).await.status, 200, "{path} loads {part}");
        }
    }
}

/// What a page names in `src` and `href`.
fn linked(html: &str) -> Vec<String> {
    let values = ["src=\"", "href=\""]
        .into_iter()
        .flat_map(|attribute| html.split(attribute).skip(1));
    values
        .filter_map(|rest| rest.split('"').next())
        .map(ToOwned::to_owned)
        .collect()
}

#[tokio::test]
async fn the_openapi_document_holds_together() {
    let (_folder, _server, api) = served().await;
    let answer = api.get("/openapi.json").await;
    assert_eq!(
        answer.header("content-type").split(';').next(),
        Some("application/json")
    );
    let document = answer.expect(200);
    assert!(text(&document["openapi"]).starts_with("3.1"));
    assert_eq!(document["info"]["version"], "1.0.0");
    assert!(!text(&document["info"]["title"]).is_empty());

    let mut references = Vec::new();
    collect_references(&document, &mut references);
    assert!(!references.is_empty());
    for reference in references {
        let pointer = reference
            .strip_prefix('#')
            .unwrap_or_else(|| panic!("{reference} leads outside"));
        assert!(
            document.pointer(pointer).is_some(),
            "{reference} leads nowhere"
        );
    }

    let mut operations = Vec::new();
    for (path, method, operation) in operations_of(&document) {
        assert!(
            !operation["responses"].as_object().unwrap().is_empty(),
            "{method} {path}"
        );
        for name in placeholders(path) {
            let declared = operation["parameters"]
                .as_array()
                .is_some_and(|parameters| {
                    parameters.iter().any(|parameter| {
                        parameter["name"] == name
                            && parameter["in"] == "path"
                            && parameter["required"] == true
                    })
                });
            assert!(declared, "{method} {path} does not say what {name} is");
        }
        for requirement in operation["security"].as_array().into_iter().flatten() {
            for scheme in fields(requirement) {
                assert!(
                    document["components"]["securitySchemes"][scheme].is_object(),
                    "{method} {path}: {scheme}"
                );
            }
        }
        operations.push(text(&operation["operationId"]));
    }
    let count = operations.len();
    operations.sort_unstable();
    operations.dedup();
    assert_eq!(operations.len(), count, "two operations have one name");
}

#[tokio::test]
async fn every_documented_route_exists_and_every_route_of_the_contract_is_documented() {
    let (_folder, _server, api) = served().await;
    let document = api.get("/openapi.json").await.expect(200);
    let mut documented: Vec<(String, String)> = Vec::new();
    for (path, method, _) in operations_of(&document) {
        documented.push((method.to_uppercase(), path.to_owned()));
        let mut concrete = path.to_owned();
        for name in placeholders(path) {
            concrete = concrete.replace(&format!("{{{name}}}"), "x");
        }
        let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
        let answer = api.send(api.request(method.clone(), &concrete)).await;
        assert!(
            answer.status != 405 && answer.body["code"] != "not_found",
            "{method} {path} is documented and not there: {answer:?}"
        );
    }
    for (method, path) in [
        ("GET", "/"),
        ("GET", "/health"),
        ("POST", "/api/v1/users"),
        ("GET", "/api/v1/users/me"),
        ("POST", "/api/v1/token"),
        ("POST", "/api/v1/audio-files"),
        ("GET", "/api/v1/audio-files"),
        ("GET", "/api/v1/audio-files/{file_id}"),
        ("GET", "/api/v1/detections"),
        ("GET", "/api/v1/detections/{detection_id}"),
        ("POST", "/api/v1/detect"),
        ("POST", "/api/predict"),
        ("GET", "/api/v1/ml-service-health"),
    ] {
        assert!(
            documented.contains(&(method.to_owned(), path.to_owned())),
            "{method} {path} is not documented"
        );
    }
}

#[tokio::test]
async fn the_program_prints_the_document_that_the_service_serves() {
    let (_folder, _server, api) = served().await;
    let output = bonafide(&["openapi"]);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(printed, api.get("/openapi.json").await.expect(200));
}

fn operations_of(document: &Value) -> impl Iterator<Item = (&str, &str, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    paths.iter().flat_map(|(path, operations)| {
        let operations = operations.as_object().unwrap().iter();
        let methods = ["get", "put", "post", "delete", "patch", "head", "options"];
        operations
            .filter(move |(method, _)| methods.contains(&method.as_str()))
            .map(|(method, operation)| (path.as_str(), method.as_str(), operation))
    })
}

/// The names between braces.
fn placeholders(path: &str) -> Vec<&str> {
    path.split('{')
        .skip(1)
        .filter_map(|rest| rest.split('}').next())
        .collect()
}

fn collect_references<'d>(value: &'d Value, references: &mut Vec<&'d str>) {
    match value {
        Value::Object(object) => {
            references.extend(object.get("$ref").and_then(Value::as_str));
            object
                .values()
                .for_each(|inner| collect_references(inner, references));
        }
        Value::Array(items) => items
            .iter()
            .for_each(|inner| collect_references(inner, references)),
        _ => {}
    }
}
