//! Access tokens: signed JWTs that a user carries in `Authorization: Bearer`.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::Modify;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use uuid::Uuid;

use crate::auth::derive_secret;
use crate::http::error::ApiError;

const ISSUER: &str = "bonafide";
const AUDIENCE: &str = "bonafide-api";
/// How long an access token is good for.
const LIFETIME: Duration = Duration::from_secs(15 * 60);
/// The header in which Google's API Gateway hands on the caller's own `Authorization`.
const FORWARDED_AUTHORIZATION: &str = "x-forwarded-authorization";

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: String,
    jti: String,
    iat: u64,
    exp: u64,
}

/// Issues and checks access tokens (HS256).
#[derive(Clone)]
pub struct AccessTokens(Arc<Inner>);

struct Inner {
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
    behind_gateway: bool,
}

impl AccessTokens {
    /// Tokens signed with a key derived from the configuration's secret. `behind_gateway`: whether an API gateway
    /// stands in front and hands the caller's header on as `X-Forwarded-Authorization`; nowhere else is that header
    /// believed.
    pub fn new(secret: &SecretString, behind_gateway: bool) -> Self {
        let key = derive_secret(secret, "access-token");
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.leeway = 0;
        Self(Arc::new(Inner {
            encoding: EncodingKey::from_secret(key.expose_secret().as_bytes()),
            decoding: DecodingKey::from_secret(key.expose_secret().as_bytes()),
            validation,
            behind_gateway,
        }))
    }

    /// A token for the user with this id, and for how long it is good.
    pub fn issue(&self, user_id: &str) -> Result<(String, Duration), ApiError> {
        self.issue_at(user_id, jsonwebtoken::get_current_timestamp())
    }

    /// `now` in seconds since 1970.
    fn issue_at(&self, user_id: &str, now: u64) -> Result<(String, Duration), ApiError> {
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: user_id.to_owned(),
            jti: Uuid::new_v4().to_string(),
            iat: now,
            exp: now + LIFETIME.as_secs(),
        };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.0.encoding)
            .map(|token| (token, LIFETIME))
            .map_err(ApiError::internal)
    }

    /// The id of the user whom the token was issued to.
    fn verify(&self, token: &str) -> Result<String, ApiError> {
        jsonwebtoken::decode::<Claims>(token, &self.0.decoding, &self.0.validation)
            .map(|data| data.claims.sub)
            .map_err(|error| match error.kind() {
                ErrorKind::ExpiredSignature => ApiError::new(
                    StatusCode::UNAUTHORIZED,
                    "token_expired",
                    "The access token has expired",
                )
                .with_challenge(),
                _ => ApiError::new(
                    StatusCode::UNAUTHORIZED,
                    "invalid_token",
                    "Could not validate credentials",
                )
                .with_challenge(),
            })
    }

    fn bearer<'h>(&self, headers: &'h HeaderMap) -> Option<&'h str> {
        let forwarded = self
            .0
            .behind_gateway
            .then(|| headers.get(FORWARDED_AUTHORIZATION))
            .flatten();
        let value = forwarded
            .or_else(|| headers.get(header::AUTHORIZATION))?
            .to_str()
            .ok()?;
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    }
}

/// The signed-in user who calls. 401 without a good token.
#[derive(Clone, Debug)]
pub struct AuthenticatedUser {
    /// Id of the user. The account itself is not looked up.
    pub id: String,
}

impl<S> FromRequestParts<S> for AuthenticatedUser
where
    AccessTokens: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let tokens = AccessTokens::from_ref(state);
        let token = tokens.bearer(&parts.headers).ok_or_else(|| {
            ApiError::new(
                StatusCode::UNAUTHORIZED,
                "not_authenticated",
                "Not authenticated",
            )
            .with_challenge()
        })?;
        tokens.verify(token).map(|id| Self { id })
    }
}

/// Adds the `bearer` scheme to the OpenAPI document.
pub struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("JWT")
            .build();
        document
            .components
            .get_or_insert_default()
            .add_security_scheme("bearer", SecurityScheme::Http(scheme));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens() -> AccessTokens {
        AccessTokens::new(&"a secret that is only for this test".into(), false)
    }

    #[test]
    fn a_token_names_the_user_it_was_issued_to() {
        let (token, lifetime) = tokens().issue("u1").unwrap();
        assert_eq!(lifetime, LIFETIME);
        assert_eq!(tokens().verify(&token).unwrap(), "u1");
    }

    #[test]
    fn a_token_of_another_secret_is_refused() {
        let (token, _) = AccessTokens::new(&"another secret".into(), false)
            .issue("u1")
            .unwrap();
        assert_eq!(tokens().verify(&token).unwrap_err().code(), "invalid_token");
    }

    #[test]
    fn an_expired_token_is_told_apart() {
        let issued_at = jsonwebtoken::get_current_timestamp() - LIFETIME.as_secs() - 1;
        let (mut token, _) = tokens().issue_at("u1", issued_at).unwrap();
        assert_eq!(tokens().verify(&token).unwrap_err().code(), "token_expired");
        token.push('x');
        assert_eq!(tokens().verify(&token).unwrap_err().code(), "invalid_token");
    }

    #[test]
    fn the_forwarded_header_is_believed_only_behind_a_gateway() {
        let mut headers = HeaderMap::new();
        headers.insert(
            header::AUTHORIZATION,
            "Bearer gateways-own".parse().unwrap(),
        );
        headers.insert(FORWARDED_AUTHORIZATION, "Bearer callers".parse().unwrap());
        assert_eq!(tokens().bearer(&headers), Some("gateways-own"));
        assert_eq!(
            AccessTokens::new(&"s".into(), true).bearer(&headers),
            Some("callers")
        );
    }
}
