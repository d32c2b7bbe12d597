//! The `upload` function as a program of its own: MongoDB and a bucket from the environment.

use bonafide_core::config::Config;
use bonafide_core::{http, runtime};
use bonafide_upload::{State, event_sink, router};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    runtime::start_logging();
    let config = Config::from_environment()?;
    let (bucket, tokens) = (config.open_bucket()?, config.access_tokens()?);
    let events = event_sink(&config, &bucket)?;
    let state = State {
        store: config.open_mongodb().await?,
        bucket,
        events,
        tokens,
    };
    let (routes, _) = router(state).split_for_parts();
    runtime::run(&config, http::app(routes)).await?;
    Ok(())
}
