//! API keys in `x-api-key`: partners pay per call with theirs, services call each other with theirs.

use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};
use utoipa::Modify;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityScheme};

use crate::http::error::ApiError;

const HEADER: &str = "x-api-key";

/// The keys that the configuration knows, as SHA-256 hashes.
#[derive(Clone, Default)]
pub struct ApiKeys {
    partners: Arc<[[u8; 32]]>,
    services: Arc<[[u8; 32]]>,
}

impl ApiKeys {
    /// Keys of partners (synchronous detection) and of services (the prediction contract between services).
    pub fn new(partners: &[SecretString], services: &[SecretString]) -> Self {
        let hashes =
            |keys: &[SecretString]| keys.iter().map(|key| hash(key.expose_secret())).collect();
        Self {
            partners: hashes(partners),
            services: hashes(services),
        }
    }
}

fn hash(key: &str) -> [u8; 32] {
    Sha256::digest(key.as_bytes()).into()
}

/// 401 without a key, 403 with one that is not in `known`. Every known key is compared, in constant time.
fn check(headers: &HeaderMap, known: &[[u8; 32]]) -> Result<(), ApiError> {
    let Some(sent) = headers.get(HEADER) else {
        return Err(ApiError::new(
            StatusCode::UNAUTHORIZED,
            "api_key_missing",
            "API key is missing. Please provide x-api-key header.",
        ));
    };
    let sent: [u8; 32] = Sha256::digest(sent.as_bytes()).into();
    let matches = known
        .iter()
        .fold(Choice::from(0), |matches, key| matches | key.ct_eq(&sent));
    if bool::from(matches) {
        Ok(())
    } else {
        Err(ApiError::new(
            StatusCode::FORBIDDEN,
            "api_key_invalid",
            "Invalid API key. Access denied.",
        ))
    }
}

/// A partner with a good API key calls.
#[derive(Clone, Copy, Debug)]
pub struct Partner;

impl<S> FromRequestParts<S> for Partner
where
    ApiKeys: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        check(&parts.headers, &ApiKeys::from_ref(state).partners).map(|()| Self)
    }
}

/// Another service with a good service key calls.
#[derive(Clone, Copy, Debug)]
pub struct ServiceCaller;

impl<S> FromRequestParts<S> for ServiceCaller
where
    ApiKeys: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        check(&parts.headers, &ApiKeys::from_ref(state).services).map(|()| Self)
    }
}

impl Modify for ApiKeys {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new(HEADER)));
        document
            .components
            .get_or_insert_default()
            .add_security_scheme("api_key", scheme);
    }
}
