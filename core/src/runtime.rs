//! One binary per function, every place: under AWS Lambda where its runtime API is announced, plain HTTP elsewhere.

use std::future::Future;
use std::io::{self, IsTerminal};
use std::net::SocketAddr;

use axum::Router;
use tokio::net::TcpListener;
use tracing_subscriber::EnvFilter;

use crate::config::Config;

/// Why serving ended early.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// The address cannot be listened on, or the listener failed.
    #[error("cannot serve on {address}: {cause}")]
    Listen {
        /// Where it was to listen.
        address: String,
        /// What the operating system said.
        cause: io::Error,
    },
    /// The Lambda runtime failed.
    #[error("the Lambda runtime failed: {0}")]
    Lambda(String),
}

/// Logs to standard error: lines for a person on a terminal, JSON elsewhere. `RUST_LOG` sets what is logged, by default
/// our own `info` (every target that begins with `bonafide`) and everybody else's warnings.
pub fn start_logging() {
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn,bonafide=info"));
    let logging = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr);
    if io::stderr().is_terminal() {
        logging.init();
    } else {
        logging
            .json()
            .flatten_event(true)
            .with_span_list(false)
            .with_target(false)
            .init();
    }
}

/// Serves one function until it is told to stop.
pub async fn run(config: &Config, app: Router) -> Result<(), RuntimeError> {
    if std::env::var_os("AWS_LAMBDA_RUNTIME_API").is_some() {
        return lambda_http::run(app)
            .await
            .map_err(|error| RuntimeError::Lambda(error.to_string()));
    }
    let address = format!("{}:{}", config.host, config.port);
    let listener = listen(&address).await?;
    serve(listener, app, shutdown_signal())
        .await
        .map_err(|cause| RuntimeError::Listen { address, cause })
}

/// Listens on `address` (`host:port`; port 0 takes a free one).
pub async fn listen(address: &str) -> Result<TcpListener, RuntimeError> {
    TcpListener::bind(address)
        .await
        .map_err(|cause| RuntimeError::Listen {
            address: address.to_owned(),
            cause,
        })
}

/// Serves `app` until `shutdown` resolves, then answers what has begun and returns.
pub async fn serve(
    listener: TcpListener,
    app: Router,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let address = listener.local_addr()?;
    tracing::info!(%address, "serving");
    axum::serve(
        listener,
        app.into_make_service_with_connect_info::<SocketAddr>(),
    )
    .with_graceful_shutdown(shutdown)
    .await
}

/// Resolves on SIGTERM (what clouds send) or SIGINT (Ctrl-C).
pub async fn shutdown_signal() {
    let interrupt = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    let terminate = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(_) => std::future::pending().await,
        }
    };
    #[cfg(not(unix))]
    let terminate = std::future::pending::<()>();
    tokio::select! {
        () = interrupt => {}
        () = terminate => {}
    }
    tracing::info!("shutting down");
}
