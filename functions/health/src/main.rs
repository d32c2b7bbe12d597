//! The `health` function as a program of its own.

use bonafide_core::config::Config;
use bonafide_core::{http, runtime};
use bonafide_health::{ModelProbe, State, router};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    runtime::start_logging();
    let config = Config::from_environment()?;
    let state = State::new(ModelProbe::from_config(&config)?);
    let (routes, _) = router(state).split_for_parts();
    runtime::run(&config, http::app(routes)).await?;
    Ok(())
}
