//! The `token` function: a user's name and password in, an access token out.

mod password_grant;

use axum::extract::FromRef;
use bonafide_core::auth::AccessTokens;
use bonafide_core::store::SharedStore;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use password_grant::{AccessToken, PasswordGrant};

/// What the function works with.
#[derive(Clone)]
pub struct State {
    /// Where the accounts are.
    pub store: SharedStore,
    /// Issues the tokens.
    pub tokens: AccessTokens,
}

impl FromRef<State> for AccessTokens {
    fn from_ref(state: &State) -> Self {
        state.tokens.clone()
    }
}

/// The routes of the function, with their documentation.
pub fn router(state: State) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(password_grant::issue_token))
        .with_state(state)
}
