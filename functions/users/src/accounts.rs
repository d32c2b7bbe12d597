//! Accounts over HTTP.

use std::ops::RangeInclusive;

use axum::Json;
use axum::extract::State as AxumState;
use axum::http::StatusCode;
use bonafide_core::accounts::{User, hash_password};
use bonafide_core::auth::AuthenticatedUser;
use bonafide_core::http::error::{ApiError, ApiResult, ErrorBody};
use bonafide_core::http::fields::{Fields, FromFields, JsonBody};
use bonafide_core::store::{StoreError, UniqueField};
use bonafide_core::time::{Timestamp, now};
use email_address::{EmailAddress, Options};
use secrecy::SecretString;
use serde::Serialize;
use utoipa::ToSchema;

use crate::State;

const USERNAME_LENGTHS: RangeInclusive<usize> = 3..=32;
/// What a username is made of. No `@`: a username never looks like somebody's e-mail address.
const USERNAME_PATTERN: &str = "^[A-Za-z0-9_.-]+$";
const PASSWORD_LENGTHS: RangeInclusive<usize> = 8..=128;
/// The longest address that mail can be sent to (RFC 5321 with erratum 1690 of RFC 3696), in characters.
const LONGEST_EMAIL: usize = 254;

/// Who wants an account.
#[derive(Debug, ToSchema)]
pub struct Registration {
    /// Letters, digits, `_`, `.` and `-`; unique without regard to case.
    #[schema(
        min_length = 3,
        max_length = 32,
        pattern = "^[A-Za-z0-9_.-]+$",
        example = "ada"
    )]
    username: String,
    /// Unique without regard to case.
    #[schema(max_length = 254, format = Email, example = "ada@example.org")]
    email: String,
    /// Kept as an Argon2id hash only.
    #[schema(value_type = String, format = Password, min_length = 8, max_length = 128, example = "correct horse battery staple")]
    password: SecretString,
}

impl FromFields for Registration {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let username = fields
            .string_of_length("username", USERNAME_LENGTHS)
            .filter(|name| {
                let plain = name
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte));
                if !plain {
                    let message = format!("string does not match regex \"{USERNAME_PATTERN}\"");
                    fields.refuse("username", message, "value_error.str.regex");
                }
                plain
            });
        let email = fields.string(&["email"]).filter(|email| {
            let valid = is_email(email);
            if !valid {
                fields.refuse(
                    "email",
                    "value is not a valid email address",
                    "value_error.email",
                );
            }
            valid
        });
        let password = fields
            .string_of_length("password", PASSWORD_LENGTHS)
            .map(SecretString::from);
        Some(Self {
            username: username?,
            email: email?,
            password: password?,
        })
    }
}

/// Whether mail from the internet could reach this address: RFC 5321 with a domain name that has a top level, and nothing
/// around it.
fn is_email(text: &str) -> bool {
    let options = Options::default()
        .with_required_tld()
        .without_display_text()
        .without_domain_literal();
    text.chars().count() <= LONGEST_EMAIL && EmailAddress::parse_with_options(text, options).is_ok()
}

/// One's own account.
#[derive(Debug, Serialize, ToSchema)]
pub struct Account {
    /// Id of the user.
    #[schema(example = "01939b7c-6f0e-7d5a-9a51-3f6f3d2b1c00")]
    id: String,
    /// The name as it was given.
    #[schema(example = "ada")]
    username: String,
    /// The address as it was given.
    #[schema(example = "ada@example.org")]
    email: String,
    /// When the user signed up.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T10:00:00.000Z")]
    created_at: Timestamp,
}

impl From<User> for Account {
    fn from(user: User) -> Self {
        Self {
            id: user.id,
            username: user.username,
            email: user.email,
            created_at: user.created_at,
        }
    }
}

/// Sign up
#[utoipa::path(
    post,
    path = "/api/v1/users",
    operation_id = "signUp",
    tag = "Authentication",
    request_body(content = Registration, content_type = "application/json"),
    responses(
        (status = 201, description = "Signed up", body = Account),
        (status = 400, description = "`malformed_json` or `unreadable_body`", body = ErrorBody),
        (
            status = 409,
            description = "`username_taken` or `email_taken`",
            body = ErrorBody,
            example = json!({
                "status": "error", "error": "This username is already taken", "code": "username_taken",
                "request_id": "01939b7c-6f0e-7d5a-9a51-3f6f3d2b1c00"
            })
        ),
        (status = 413, description = "`payload_too_large`", body = ErrorBody),
        (status = 415, description = "`unsupported_media_type`", body = ErrorBody),
        (
            status = 422,
            description = "`validation_error`: everything that is wrong with the body, at once",
            body = ErrorBody,
            example = json!({
                "status": "error", "error": "Validation error", "code": "validation_error",
                "detail": [
                    {"loc": ["body", "email"], "msg": "value is not a valid email address", "type": "value_error.email"},
                    {"loc": ["body", "password"], "msg": "field required", "type": "value_error.missing"}
                ],
                "request_id": "01939b7c-6f0e-7d5a-9a51-3f6f3d2b1c00"
            })
        ),
        (status = 500, description = "`internal_error`", body = ErrorBody),
        (status = 503, description = "`store_unavailable`", body = ErrorBody)
    )
)]
pub(crate) async fn sign_up(
    AxumState(state): AxumState<State>,
    JsonBody(registration): JsonBody<Registration>,
) -> ApiResult<(StatusCode, Json<Account>)> {
    let password_hash = hash_password(registration.password)
        .await
        .map_err(ApiError::internal)?;
    let user = User::new(
        &registration.username,
        &registration.email,
        password_hash,
        now(),
    );
    state
        .store
        .create_user(&user)
        .await
        .map_err(|error| match error {
            StoreError::Taken(UniqueField::Username) => ApiError::new(
                StatusCode::CONFLICT,
                "username_taken",
                "This username is already taken",
            ),
            StoreError::Taken(UniqueField::Email) => ApiError::new(
                StatusCode::CONFLICT,
                "email_taken",
                "This e-mail address is already taken",
            ),
            other => other.into(),
        })?;
    Ok((StatusCode::CREATED, Json(user.into())))
}

/// One's own account
#[utoipa::path(
    get,
    path = "/api/v1/users/me",
    operation_id = "ownAccount",
    tag = "Authentication",
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The caller's account", body = Account),
        (
            status = 401,
            description = "`not_authenticated`, `invalid_token` or `token_expired`",
            body = ErrorBody,
            headers(("www-authenticate" = String, description = "`Bearer`"))
        ),
        (status = 500, description = "`internal_error`", body = ErrorBody),
        (status = 503, description = "`store_unavailable`", body = ErrorBody)
    )
)]
pub(crate) async fn own_account(
    AxumState(state): AxumState<State>,
    caller: AuthenticatedUser,
) -> ApiResult<Json<Account>> {
    // A good token of an account that is gone names nobody.
    let user = state.store.user(&caller.id).await?.ok_or_else(|| {
        ApiError::new(
            StatusCode::UNAUTHORIZED,
            "invalid_token",
            "Could not validate credentials",
        )
        .with_challenge()
    })?;
    Ok(Json(user.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_mail_can_reach_are_accepted() {
        for address in [
            "ada@example.org",
            "ada.lovelace+test@mail.example.co.uk",
            "O'Neil@example.org",
            "δ@παράδειγμα.gr",
        ] {
            assert!(is_email(address), "{address}");
        }
    }

    #[test]
    fn other_text_is_not_an_address() {
        let endless = format!("{}@example.org", "a".repeat(65));
        for text in [
            "",
            "ada",
            "ada@",
            "@example.org",
            "ada@localhost",
            "ada@[127.0.0.1]",
            "Ada <ada@example.org>",
            "ada@@example.org",
            "ada@example..org",
            "ada example@example.org",
            " ada@example.org",
            "ada@example.org\n",
            "a\r\nBcc: b@example.org",
            &endless,
        ] {
            assert!(!is_email(text), "{text:?}");
        }
    }
}
