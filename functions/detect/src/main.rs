//! The `detect` function as a program of its own: MongoDB and a bucket from the environment.

use bonafide_core::config::Config;
use bonafide_core::{http, runtime};
use bonafide_detect::{State, router};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    runtime::start_logging();
    let config = Config::from_environment()?;
    let state = State::new(&config, config.open_mongodb().await?, config.open_bucket()?)?;
    // Lambda stops the process between two calls; there the queue in front of it brings events again.
    if std::env::var_os("AWS_LAMBDA_RUNTIME_API").is_none() {
        tokio::spawn(state.events().clone().keep_reconciling());
    }
    let (routes, _) = router(state).split_for_parts();
    runtime::run(&config, http::app(routes)).await?;
    Ok(())
}
