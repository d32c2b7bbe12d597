//! The health function through its router.

#![expect(
    clippy::unwrap_used,
    reason = "a test stops where something is not as it must be"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::{Body, to_bytes};
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{HeaderMap, Request, StatusCode};
use axum::routing::get;
use axum::{Json, Router};
use bonafide_core::{http, runtime};
use bonafide_health::{ModelProbe, RemoteModel, State, router};
use serde_json::{Value, json};
use tower::ServiceExt;

fn app(model: ModelProbe) -> Router {
    http::app(router(State::new(model)).split_for_parts().0)
}

async fn ask(app: &Router, path: &str, accept: Option<&str>) -> (StatusCode, HeaderMap, String) {
    let mut request = Request::get(path);
    if let Some(accept) = accept {
        request = request.header("accept", accept);
    }
    let response = app
        .clone()
        .oneshot(request.body(Body::empty()).unwrap())
        .await
        .unwrap();
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    (
        parts.status,
        parts.headers,
        String::from_utf8_lossy(&body).into_owned(),
    )
}

async fn answer(path: &str) -> (StatusCode, HeaderMap, String) {
    ask(&app(ModelProbe::None), path, None).await
}

fn json_of(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[tokio::test]
async fn the_root_tells_programs_what_the_api_is() {
    let expected = json!({
        "message": "AI Voice Detection API", "version": "1.0.0", "docs": "/docs", "health": "/health"
    });
    let app = app(ModelProbe::None);
    for accept in [
        None,
        Some("*/*"),
        Some("application/json"),
        Some("application/json, text/html;q=0.5"),
        Some("text/html;q=0"),
    ] {
        let (status, headers, body) = ask(&app, "/", accept).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(json_of(&body), expected, "{accept:?}");
        assert_eq!(headers["vary"], "accept");
    }
}

#[tokio::test]
async fn the_root_shows_browsers_the_demo_page() {
    let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    let (status, headers, body) = ask(&app(ModelProbe::None), "/", Some(browser)).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(headers[CONTENT_TYPE], "text/html; charset=utf-8");
    assert!(body.starts_with("<!doctype html>"), "{body}");
}

#[tokio::test]
async fn health_says_whether_the_model_is_loaded() {
    for (probe, loaded) in [
        (ModelProbe::None, false),
        (ModelProbe::InProcess(Arc::new(|| true)), true),
        (ModelProbe::InProcess(Arc::new(|| false)), false),
    ] {
        let (status, _, body) = ask(&app(probe), "/health", None).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(
            json_of(&body),
            json!({ "status": "healthy", "version": "1.0.0", "model_loaded": loaded })
        );
    }
}

/// A detect function below `/below` that counts how often it is asked, and its address.
async fn detect_function(status: StatusCode, model_loaded: bool) -> (String, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    let routes = Router::new().route(
        "/below/api/v1/ml-service-health",
        get(move || async move {
            counter.fetch_add(1, Ordering::SeqCst);
            (
                status,
                Json(json!({ "status": "any", "model_loaded": model_loaded })),
            )
        }),
    );
    let listener = runtime::listen("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/below", listener.local_addr().unwrap());
    tokio::spawn(runtime::serve(listener, routes, std::future::pending()));
    (address, asked)
}

#[tokio::test]
async fn health_asks_the_detect_function_and_remembers_its_answer() {
    for (status, loaded) in [
        (StatusCode::OK, true),
        (StatusCode::SERVICE_UNAVAILABLE, false),
    ] {
        let (address, asked) = detect_function(status, loaded).await;
        let app = app(ModelProbe::Remote(
            RemoteModel::new(address.parse().unwrap()).unwrap(),
        ));
        for _ in 0..3 {
            let (_, _, body) = ask(&app, "/health", None).await;
            assert_eq!(json_of(&body)["model_loaded"], loaded);
        }
        assert_eq!(asked.load(Ordering::SeqCst), 1);
    }
}

#[tokio::test]
async fn a_detect_function_that_does_not_answer_has_no_model() {
    let listener = runtime::listen("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let app = app(ModelProbe::Remote(
        RemoteModel::new(address.parse().unwrap()).unwrap(),
    ));
    let (status, _, body) = ask(&app, "/health", None).await;
    assert_eq!(
        (status, json_of(&body)["model_loaded"].clone()),
        (StatusCode::OK, json!(false))
    );
}

#[tokio::test]
async fn the_openapi_document_is_json() {
    let (status, headers, body) = answer("/openapi.json").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(headers[CONTENT_TYPE], "application/json");
    assert!(
        json_of(&body)["openapi"]
            .as_str()
            .unwrap()
            .starts_with("3."),
        "{body}"
    );
}

/// The values of an attribute in a page.
fn values<'p>(page: &'p str, attribute: &str) -> Vec<&'p str> {
    page.split(&format!(" {attribute}=\""))
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap())
        .collect()
}

#[tokio::test]
async fn every_page_finds_its_parts_on_this_server_and_keeps_its_own_policy() {
    let app = app(ModelProbe::None);
    for path in ["/", "/docs", "/redoc"] {
        let (status, headers, body) = ask(&app, path, Some("text/html")).await;
        assert_eq!(status, StatusCode::OK, "{path}");
        let policy = headers[CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(
            policy.starts_with("default-src 'none'; script-src 'self'; "),
            "{path}: {policy}"
        );
        assert!(
            !policy.contains("http") && !policy.contains('*'),
            "{path}: {policy}"
        );

        let scripts = values(&body, "src");
        assert!(
            !scripts.is_empty() && body.matches("<script").count() == scripts.len(),
            "{path}: an inline script"
        );
        assert!(
            values(&body, "style").is_empty() && values(&body, "onclick").is_empty(),
            "{path}"
        );
        let inline_styles = policy.contains("style-src 'self' 'unsafe-inline'");
        assert!(
            inline_styles || !body.contains("<style"),
            "{path}: its policy forbids its style"
        );
        for part in scripts
            .into_iter()
            .chain(values(&body, "href"))
            .filter(|part| *part != "data:,")
        {
            assert!(
                part.starts_with('/') && !part.starts_with("//"),
                "{path}: {part} is elsewhere"
            );
            let (status, _, content) = ask(&app, part, None).await;
            assert_eq!(status, StatusCode::OK, "{path}: {part}");
            assert!(!content.is_empty(), "{path}: {part}");
        }
    }
}

#[tokio::test]
async fn parts_have_the_types_that_browsers_insist_on() {
    for (path, expected) in [
        ("/demo.js", "text/javascript"),
        ("/demo.css", "text/css"),
        ("/docs/docs.js", "text/javascript"),
        ("/docs/swagger-ui-bundle.js", "text/javascript"),
        ("/docs/swagger-ui.css", "text/css"),
        ("/redoc/redoc.standalone.js", "text/javascript"),
    ] {
        let (_, headers, _) = answer(path).await;
        assert!(
            headers[CONTENT_TYPE]
                .to_str()
                .unwrap()
                .starts_with(expected),
            "{path}: {:?}",
            headers[CONTENT_TYPE]
        );
        assert_eq!(headers["x-content-type-options"], "nosniff", "{path}");
    }
}

#[tokio::test]
async fn nothing_else_of_swagger_ui_is_served() {
    for path in [
        "/docs/index.html",
        "/docs/oauth2-redirect.html",
        "/docs/nothing.js",
        "/docs/..%2Fdocs.js",
        "/docs/%ff",
    ] {
        let (status, _, body) = answer(path).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(json_of(&body)["code"], "not_found");
    }
}
