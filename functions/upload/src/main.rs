//! The `upload` function on its own.

use std::error::Error;
use std::process::ExitCode;

use bonafide_core::config::Config;
use bonafide_core::{http, runtime};
use bonafide_upload::{State, router};

#[tokio::main]
async fn main() -> ExitCode {
    runtime::start_logging();
    match serve().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve() -> Result<(), Box<dyn Error>> {
    let config = Config::from_environment()?;
    let (bucket, tokens) = (config.open_bucket()?, config.access_tokens()?);
    let events = bonafide_upload::event_sink(&config, &bucket)?;
    let state = State {
        store: config.open_mongodb().await?,
        bucket,
        events,
        tokens,
    };
    Ok(runtime::run(&config, http::app(router(state).split_for_parts().0)).await?)
}
