//! The `token` function on its own.

use std::error::Error;
use std::process::ExitCode;

use bonafide_core::config::Config;
use bonafide_core::{http, runtime};

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
    let state = bonafide_token::State {
        store: config.open_mongodb().await?,
        tokens: config.access_tokens()?,
    };
    Ok(runtime::run(
        &config,
        http::app(bonafide_token::router(state).split_for_parts().0),
    )
    .await?)
}
