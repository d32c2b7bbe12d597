//! The `token` function through its HTTP door, on the embedded store.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, Request, StatusCode};
use axum::routing::get;
use bonafide_core::accounts::{User, hash_password};
use bonafide_core::auth::{AccessTokens, AuthenticatedUser};
use bonafide_core::http;
use bonafide_core::store::Store;
use bonafide_core::store::embedded::EmbeddedStore;
use bonafide_core::time::now;
use bonafide_token::{State, router};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt;

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";

/// The function, and beside it a route that tells whom a token names.
struct App {
    router: Router,
    ada: User,
    _folder: TempDir,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Value,
}

impl Answer {
    #[track_caller]
    fn is_error(&self, status: u16, code: &str) {
        assert_eq!(
            (self.status.as_u16(), &self.body["code"]),
            (status, &json!(code)),
            "{}",
            self.body
        );
        assert_eq!(self.body["status"], "error");
    }
}

impl App {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(EmbeddedStore::open(&folder.path().join("store.redb")).unwrap());
        let hash = hash_password("correct horse".into()).await.unwrap();
        let ada = User::new("Ada", "ada@example.org", hash, now());
        store.create_user(&ada).await.unwrap();
        let hash = hash_password("battery staple".into()).await.unwrap();
        store
            .create_user(&User::new("eve", "eve@example.org", hash, now()))
            .await
            .unwrap();
        let state = State {
            store,
            tokens: AccessTokens::new(&"a secret for this test".into(), false),
        };
        let whoami = Router::new()
            .route("/whoami", get(async |user: AuthenticatedUser| user.id))
            .with_state(state.clone());
        let router = http::app(router(state).split_for_parts().0.merge(whoami));
        Self {
            router,
            ada,
            _folder: folder,
        }
    }

    async fn post(&self, content_type: &str, body: impl Into<Body>) -> Answer {
        let request = Request::post("/api/v1/token")
            .header(CONTENT_TYPE, content_type)
            .body(body.into())
            .unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        Answer {
            status,
            headers,
            body: serde_json::from_slice(&bytes).unwrap(),
        }
    }

    async fn whom(&self, token: &str) -> String {
        let request = Request::get("/whoami").header(AUTHORIZATION, format!("Bearer {token}"));
        let response = self
            .router
            .clone()
            .oneshot(request.body(Body::empty()).unwrap())
            .await
            .unwrap();
        String::from_utf8(
            response
                .into_body()
                .collect()
                .await
                .unwrap()
                .to_bytes()
                .to_vec(),
        )
        .unwrap()
    }
}

#[tokio::test]
async fn name_or_address_and_password_get_a_token_that_names_the_user() {
    let app = App::new().await;
    for (content_type, body) in [
        (
            FORM,
            "grant_type=password&username=Ada&password=correct+horse",
        ),
        (
            FORM,
            "username=Ada&password=correct%20horse&scope=&client_id=",
        ),
        (FORM, "grant_type=&username=aDA&password=correct+horse"),
        (FORM, "username=ADA%40example.org&password=correct+horse"),
        (JSON, r#"{"username": "Ada", "password": "correct horse"}"#),
        (
            JSON,
            r#"{"grant_type": "password", "username": "ada@example.org", "password": "correct horse"}"#,
        ),
        (
            "application/json; charset=utf-8",
            r#"{"grant_type": null, "username": "ada", "password": "correct horse"}"#,
        ),
    ] {
        let answer = app.post(content_type, body).await;
        assert_eq!(answer.status, StatusCode::OK, "{body}: {}", answer.body);
        assert_eq!(answer.headers[CACHE_CONTROL], "no-store");
        let token = answer.body["access_token"].as_str().unwrap();
        assert_eq!(
            answer.body,
            json!({"access_token": token, "token_type": "bearer", "expires_in": 900})
        );
        assert_eq!(app.whom(token).await, app.ada.id);
    }
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_user_get_the_same_answer() {
    let app = App::new().await;
    for body in [
        "username=Ada&password=correct+horsf",
        "username=Ada&password=battery+staple",
        "username=Ada&password=",
        "username=nobody&password=correct+horse",
        "username=&password=",
    ] {
        let mut answer = app.post(FORM, body).await;
        answer.body["request_id"].take();
        let expected = json!({
            "status": "error", "error": "Incorrect username or password", "code": "invalid_credentials", "request_id": null
        });
        assert_eq!(
            (answer.status, &answer.body),
            (StatusCode::UNAUTHORIZED, &expected),
            "{body}"
        );
        assert_eq!(answer.headers[WWW_AUTHENTICATE], "Bearer");
    }
}

#[tokio::test]
async fn everything_that_is_wrong_with_a_request_is_told_at_once() {
    let app = App::new().await;
    let missing = json!([
        {"loc": ["body", "username"], "msg": "field required", "type": "value_error.missing"},
        {"loc": ["body", "password"], "msg": "field required", "type": "value_error.missing"},
    ]);
    for (content_type, body) in [(FORM, ""), (JSON, "{}")] {
        let answer = app.post(content_type, body).await;
        answer.is_error(422, "validation_error");
        assert_eq!(answer.body["detail"], missing, "{content_type}");
    }
    let answer = app
        .post(FORM, "grant_type=client_credentials&username=Ada")
        .await;
    answer.is_error(422, "validation_error");
    assert_eq!(
        answer.body["detail"],
        json!([
            {"loc": ["body", "grant_type"], "msg": "string does not match regex \"password\"", "type": "value_error.str.regex"},
            {"loc": ["body", "password"], "msg": "field required", "type": "value_error.missing"},
        ])
    );
    let answer = app
        .post(JSON, r#"{"username": {"$ne": null}, "password": 1}"#)
        .await;
    answer.is_error(422, "validation_error");
    assert_eq!(answer.body["detail"][0]["type"], "type_error.str");
    assert_eq!(answer.body["detail"][1]["type"], "type_error.str");
}

#[tokio::test]
async fn a_body_of_another_kind_is_refused() {
    let app = App::new().await;
    app.post(JSON, "{").await.is_error(400, "malformed_json");
    app.post("text/plain", "username=Ada&password=correct+horse")
        .await
        .is_error(415, "unsupported_media_type");
    app.post("multipart/form-data; boundary=x", "--x--")
        .await
        .is_error(415, "unsupported_media_type");
    app.post(FORM, format!("username={}", "a".repeat(65 * 1024)))
        .await
        .is_error(413, "payload_too_large");
    app.post(JSON, " ".repeat(65 * 1024))
        .await
        .is_error(413, "payload_too_large");
}

#[tokio::test]
async fn a_token_is_only_ever_asked_for_by_post() {
    let app = App::new().await;
    let request = Request::get("/api/v1/token?username=Ada&password=correct+horse")
        .body(Body::empty())
        .unwrap();
    let response = app.router.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
}
