//! The `users` function through its HTTP door, on the embedded store.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, Request, StatusCode};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bonafide_core::auth::{AccessTokens, derive_secret};
use bonafide_core::http;
use bonafide_core::store::embedded::EmbeddedStore;
use bonafide_users::{State, router};
use http_body_util::BodyExt;
use jsonwebtoken::{EncodingKey, Header, get_current_timestamp};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt;

const SECRET: &str = "a secret that is only for this test";

struct App {
    router: Router,
    tokens: AccessTokens,
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
        assert_eq!(
            self.body["request_id"],
            self.headers["x-request-id"].to_str().unwrap()
        );
    }

    #[track_caller]
    fn has_violations(&self, expected: &[(&[&str], &str, &str)]) {
        self.is_error(422, "validation_error");
        assert_eq!(self.body["error"], "Validation error");
        let expected: Vec<Value> = expected
            .iter()
            .map(|(loc, msg, kind)| json!({"loc": loc, "msg": msg, "type": kind}))
            .collect();
        assert_eq!(self.body["detail"], json!(expected));
    }
}

impl App {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(EmbeddedStore::open(&folder.path().join("store.redb")).unwrap());
        let tokens = AccessTokens::new(&SECRET.into(), false);
        let router = http::app(
            router(State {
                store,
                tokens: tokens.clone(),
            })
            .split_for_parts()
            .0,
        );
        Self {
            router,
            tokens,
            _folder: folder,
        }
    }

    async fn call(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        Answer {
            status,
            headers,
            body: serde_json::from_slice(&bytes).unwrap(),
        }
    }

    async fn post(&self, content_type: &str, body: impl Into<Body>) -> Answer {
        let request = Request::post("/api/v1/users")
            .header(CONTENT_TYPE, content_type)
            .body(body.into())
            .unwrap();
        self.call(request).await
    }

    async fn sign_up(&self, username: &str, email: &str, password: &str) -> Answer {
        let body = json!({"username": username, "email": email, "password": password});
        self.post("application/json", body.to_string()).await
    }

    async fn me(&self, authorization: Option<&str>) -> Answer {
        let mut request = Request::get("/api/v1/users/me");
        if let Some(authorization) = authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        self.call(request.body(Body::empty()).unwrap()).await
    }
}

fn token(claims: Value) -> String {
    let key = derive_secret(&SECRET.into(), "access-token");
    jsonwebtoken::encode(
        &Header::default(),
        &claims,
        &EncodingKey::from_secret(key.expose_secret().as_bytes()),
    )
    .unwrap()
}

fn claims(user: &str, expires: u64) -> Value {
    json!({"iss": "bonafide", "aud": "bonafide-api", "sub": user, "jti": "1", "iat": expires - 900, "exp": expires})
}

#[tokio::test]
async fn who_signs_up_finds_her_account_as_she_gave_it() {
    let app = App::new();
    let answer = app
        .sign_up("Ada_L.1-x", "Ada@Example.org", "correct horse")
        .await;
    assert_eq!(answer.status, StatusCode::CREATED);
    let id = answer.body["id"].as_str().unwrap();
    let created_at = answer.body["created_at"].as_str().unwrap();
    assert!(created_at.ends_with('Z'), "{created_at}");
    let account = json!({"id": id, "username": "Ada_L.1-x", "email": "Ada@Example.org", "created_at": created_at});
    assert_eq!(
        answer.body, account,
        "nothing but the account, above all no password"
    );

    let (token, _) = app.tokens.issue(id).unwrap();
    let me = app.me(Some(&format!("Bearer {token}"))).await;
    assert_eq!((me.status, me.body), (StatusCode::OK, account));
}

#[tokio::test]
async fn a_name_or_an_address_is_taken_whatever_its_case() {
    let app = App::new();
    assert_eq!(
        app.sign_up("ada", "ada@example.org", "correct horse")
            .await
            .status,
        StatusCode::CREATED
    );
    app.sign_up("ADA", "other@example.org", "correct horse")
        .await
        .is_error(409, "username_taken");
    app.sign_up("other", "ADA@example.ORG", "correct horse")
        .await
        .is_error(409, "email_taken");
    assert_eq!(
        app.sign_up("other", "other@example.org", "correct horse")
            .await
            .status,
        StatusCode::CREATED
    );
}

#[tokio::test]
async fn of_two_who_sign_up_with_one_name_at_once_one_gets_it() {
    let app = App::new();
    let (first, second) = tokio::join!(
        app.sign_up("ada", "one@example.org", "correct horse"),
        app.sign_up("Ada", "two@example.org", "correct horse")
    );
    let mut statuses = [first.status.as_u16(), second.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409]);
}

#[tokio::test]
async fn everything_that_is_wrong_with_a_body_is_told_at_once() {
    let app = App::new();
    app.sign_up("ab", "not an address", "short")
        .await
        .has_violations(&[
            (
                &["body", "username"],
                "ensure this value has at least 3 characters",
                "value_error.any_str.min_length",
            ),
            (
                &["body", "email"],
                "value is not a valid email address",
                "value_error.email",
            ),
            (
                &["body", "password"],
                "ensure this value has at least 8 characters",
                "value_error.any_str.min_length",
            ),
        ]);
    app.post("application/json", "{}").await.has_violations(&[
        (
            &["body", "username"],
            "field required",
            "value_error.missing",
        ),
        (&["body", "email"], "field required", "value_error.missing"),
        (
            &["body", "password"],
            "field required",
            "value_error.missing",
        ),
    ]);
    app.post(
        "application/json",
        r#"{"username": 1, "email": ["a@example.org"], "password": true}"#,
    )
    .await
    .has_violations(&[
        (&["body", "username"], "str type expected", "type_error.str"),
        (&["body", "email"], "str type expected", "type_error.str"),
        (&["body", "password"], "str type expected", "type_error.str"),
    ]);
    app.sign_up("ada lovelace", "ada@localhost", &"x".repeat(129))
        .await
        .has_violations(&[
            (
                &["body", "username"],
                "string does not match regex \"^[A-Za-z0-9_.-]+$\"",
                "value_error.str.regex",
            ),
            (
                &["body", "email"],
                "value is not a valid email address",
                "value_error.email",
            ),
            (
                &["body", "password"],
                "ensure this value has at most 128 characters",
                "value_error.any_str.max_length",
            ),
        ]);
}

#[tokio::test]
async fn lengths_are_counted_in_characters_and_their_bounds_are_allowed() {
    let app = App::new();
    let longest = "u".repeat(32);
    for (username, email, password) in [
        ("abc", "a@example.org", "pässwört".to_owned()),
        (&*longest, "b@example.org", "😀".repeat(128)),
    ] {
        assert_eq!(
            app.sign_up(username, email, &password).await.status,
            StatusCode::CREATED,
            "{username}"
        );
    }
    let one_more = "u".repeat(33);
    app.sign_up(&one_more, "c@example.org", "correct horse")
        .await
        .has_violations(&[(
            &["body", "username"],
            "ensure this value has at most 32 characters",
            "value_error.any_str.max_length",
        )]);
}

#[tokio::test]
async fn a_body_that_is_no_json_object_is_refused() {
    let app = App::new();
    app.post("application/json", "{\"username\": ")
        .await
        .is_error(400, "malformed_json");
    app.post("application/json", "").await.has_violations(&[(
        &["body"],
        "field required",
        "value_error.missing",
    )]);
    app.post("application/json", "[]").await.has_violations(&[(
        &["body"],
        "value is not a valid dict",
        "type_error.dict",
    )]);
    app.post("text/plain", "{}")
        .await
        .is_error(415, "unsupported_media_type");
    app.post("application/json", " ".repeat(65 * 1024))
        .await
        .is_error(413, "payload_too_large");
}

#[tokio::test]
async fn only_a_good_token_of_an_existing_account_opens_it() {
    let app = App::new();
    let user = app
        .sign_up("ada", "ada@example.org", "correct horse")
        .await
        .body["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let soon = get_current_timestamp() + 60;
    let good = token(claims(&user, soon));
    assert_eq!(
        app.me(Some(&format!("bearer {good}"))).await.status,
        StatusCode::OK
    );

    let (head, signature) = good.rsplit_once('.').unwrap();
    let (_, payload) = head.split_once('.').unwrap();
    let other_payload = URL_SAFE_NO_PAD.encode(claims("somebody-else", soon).to_string());
    let unsigned_header = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#);
    let header = head.split_once('.').unwrap().0;
    let foreign = AccessTokens::new(&"another secret".into(), false)
        .issue(&user)
        .unwrap()
        .0;
    let mut other_audience = claims(&user, soon);
    other_audience["aud"] = json!("another-api");
    for (what, bearer, code) in [
        (
            "expired",
            token(claims(&user, get_current_timestamp() - 1)),
            "token_expired",
        ),
        (
            "another user's payload",
            format!("{header}.{other_payload}.{signature}"),
            "invalid_token",
        ),
        (
            "alg none, no signature",
            format!("{unsigned_header}.{payload}."),
            "invalid_token",
        ),
        (
            "alg none, old signature",
            format!("{unsigned_header}.{payload}.{signature}"),
            "invalid_token",
        ),
        ("another secret", foreign, "invalid_token"),
        ("another audience", token(other_audience), "invalid_token"),
        (
            "no expiry",
            token(json!({"iss": "bonafide", "aud": "bonafide-api", "sub": user})),
            "invalid_token",
        ),
        ("not a token", "x".to_owned(), "invalid_token"),
        (
            "nobody's",
            token(claims("01939b7c-0000-7000-8000-000000000000", soon)),
            "invalid_token",
        ),
    ] {
        let answer = app.me(Some(&format!("Bearer {bearer}"))).await;
        assert_eq!(
            (answer.status, answer.body["code"].as_str()),
            (StatusCode::UNAUTHORIZED, Some(code)),
            "{what}"
        );
        assert_eq!(answer.headers[WWW_AUTHENTICATE], "Bearer", "{what}");
    }
    for authorization in [None, Some("Basic YWRhOnB3"), Some("Bearer")] {
        let answer = app.me(authorization).await;
        answer.is_error(401, "not_authenticated");
        assert_eq!(answer.headers[WWW_AUTHENTICATE], "Bearer");
    }
}

#[tokio::test]
async fn the_document_describes_both_routes() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(EmbeddedStore::open(&folder.path().join("store.redb")).unwrap());
    let tokens = AccessTokens::new(&SECRET.into(), false);
    let document = serde_json::to_value(router(State { store, tokens }).into_openapi()).unwrap();
    assert_eq!(
        document["paths"]["/api/v1/users"]["post"]["operationId"],
        "signUp"
    );
    assert_eq!(
        document["paths"]["/api/v1/users/me"]["get"]["security"],
        json!([{"bearer": []}])
    );
    assert!(
        document["components"]["schemas"]["ErrorBody"].is_object(),
        "{document}"
    );
}
