//! The `token` function as a program of its own: MongoDB from the environment.

use bonafide_core::config::Config;
use bonafide_core::{http, runtime};
use bonafide_token::{State, router};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    runtime::start_logging();
    let config = Config::from_environment()?;
    let state = State {
        store: config.open_mongodb().await?,
        tokens: config.access_tokens()?,
    };
    let (routes, _) = router(state).split_for_parts();
    runtime::run(&config, http::app(routes)).await?;
    Ok(())
}
