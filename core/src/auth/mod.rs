//! Who is calling: access tokens of users, API keys of partners and services.

mod access_tokens;
mod api_keys;

pub use access_tokens::{AccessTokens, AuthenticatedUser, Bearer};
pub use api_keys::{ApiKeys, Partner, ServiceCaller};

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

/// A secret for one purpose, derived from the one secret of the configuration (HMAC-SHA256 of the purpose's name, in
/// hexadecimal), so that a leak in one place opens no other.
pub fn derive_secret(secret: &SecretString, purpose: &str) -> SecretString {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes())
        .expect("HMAC takes keys of any length");
    mac.update(purpose.as_bytes());
    hex::encode(mac.finalize().into_bytes()).into()
}
