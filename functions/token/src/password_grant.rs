//! OAuth2's resource owner password grant (RFC 6749, section 4.3), as FastAPI's `OAuth2PasswordRequestForm` reads it.

use axum::Json;
use axum::extract::State as AxumState;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, HeaderName};
use bonafide_core::accounts::verify_password;
use bonafide_core::http::error::{ApiError, ApiResult, ErrorBody};
use bonafide_core::http::fields::{Fields, FromFields, JsonOrFormBody};
use secrecy::SecretString;
use serde::Serialize;
use utoipa::ToSchema;

use crate::State;

/// Who asks for a token.
#[derive(Debug, ToSchema)]
pub struct PasswordGrant {
    /// `password`, or left out.
    #[schema(value_type = Option<GrantType>, inline)]
    pub grant_type: Option<String>,
    /// Username or e-mail address, without regard to case.
    #[schema(example = "ada")]
    pub username: String,
    /// The password that the user signed up with.
    #[schema(value_type = String, format = Password, example = "correct horse battery staple")]
    pub password: SecretString,
}

/// The one grant that there is.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "documents what `PasswordGrant` reads")]
enum GrantType {
    Password,
}

impl FromFields for PasswordGrant {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let grant_type = fields
            .optional_string(&["grant_type"])
            .filter(|grant| !grant.is_empty());
        if grant_type.as_ref().is_some_and(|grant| grant != "password") {
            fields.refuse(
                "grant_type",
                "string does not match regex \"password\"",
                "value_error.str.regex",
            );
        }
        let username = fields.string(&["username"]);
        let password = fields.string(&["password"]).map(SecretString::from);
        Some(Self {
            grant_type,
            username: username?,
            password: password?,
        })
    }
}

/// An access token (RFC 6749, section 5.1).
#[derive(Debug, Serialize, ToSchema)]
pub struct AccessToken {
    /// A signed JWT; send it as `Authorization: Bearer`.
    #[schema(example = "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIwMTkzIn0.c2lnbmF0dXJl")]
    access_token: String,
    /// Always `bearer`.
    #[schema(example = "bearer")]
    token_type: &'static str,
    /// For how many seconds the token is good.
    #[schema(example = 900)]
    expires_in: u64,
}

/// Sign in
///
/// Takes the OAuth2 password form or the same fields as JSON. An unknown user and a wrong password get the same answer, in
/// the same time.
#[utoipa::path(
    post,
    path = "/api/v1/token",
    operation_id = "issueToken",
    tag = "Authentication",
    request_body(
        description = "Username (or e-mail address) and password",
        content((PasswordGrant = "application/x-www-form-urlencoded"), (PasswordGrant = "application/json"))
    ),
    responses(
        (status = 200, description = "Signed in", body = AccessToken, headers(("cache-control" = String, description = "`no-store`"))),
        (status = 400, description = "`malformed_json`, `malformed_form` or `unreadable_body`", body = ErrorBody),
        (
            status = 401,
            description = "`invalid_credentials`",
            body = ErrorBody,
            headers(("www-authenticate" = String, description = "`Bearer`")),
            example = json!({
                "status": "error", "error": "Incorrect username or password", "code": "invalid_credentials",
                "request_id": "01939b7c-6f0e-7d5a-9a51-3f6f3d2b1c00"
            })
        ),
        (status = 413, description = "`payload_too_large`", body = ErrorBody),
        (status = 415, description = "`unsupported_media_type`", body = ErrorBody),
        (status = 422, description = "`validation_error`", body = ErrorBody),
        (status = 500, description = "`internal_error`", body = ErrorBody),
        (status = 503, description = "`store_unavailable`", body = ErrorBody)
    )
)]
pub(crate) async fn issue_token(
    AxumState(state): AxumState<State>,
    JsonOrFormBody(grant): JsonOrFormBody<PasswordGrant>,
) -> ApiResult<([(HeaderName, &'static str); 1], Json<AccessToken>)> {
    let user = state.store.user_by_login(&grant.username).await?;
    // Also without a user: see `verify_password`.
    let verified = verify_password(user.as_ref(), grant.password).await;
    let Some(user) = user.filter(|_| verified) else {
        return Err(ApiError::new(
            StatusCode::UNAUTHORIZED,
            "invalid_credentials",
            "Incorrect username or password",
        )
        .with_challenge());
    };
    let (access_token, lifetime) = state.tokens.issue(&user.id)?;
    let token = AccessToken {
        access_token,
        token_type: "bearer",
        expires_in: lifetime.as_secs(),
    };
    // RFC 6749, section 5.1: no cache keeps a token.
    Ok(([(CACHE_CONTROL, "no-store")], Json(token)))
}
