//! The `users` function: signing up, and one's own account.

mod accounts;

use axum::extract::FromRef;
use bonafide_core::auth::AccessTokens;
use bonafide_core::store::SharedStore;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use accounts::{Account, Registration};

/// What the function works with.
#[derive(Clone)]
pub struct State {
    /// Where the accounts are.
    pub store: SharedStore,
    /// Checks the callers' tokens.
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
        .routes(routes!(accounts::sign_up))
        .routes(routes!(accounts::own_account))
        .with_state(state)
}
