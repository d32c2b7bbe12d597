//! One binary per function, every place: under AWS Lambda where its runtime API is announced, plain HTTP elsewhere.

use std::future::Future;
use std::io::{self, IsTerminal};
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tracing_subscriber::EnvFilter;

use crate::config::Config;

/// How long a client may take to send the head of a request. Load balancers keep idle connections open for about as
/// long.
const HEAD_TIMEOUT: Duration = Duration::from_secs(60);

/// How long requests that have begun may take to end after the signal to stop. Platforms kill after ten seconds (Docker,
/// Cloud Run) or thirty.
pub const GRACE: Duration = Duration::from_secs(9);

/// Pause after a connection could not be accepted: there may be no file handle left until others end.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

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

/// Serves `app` until `shutdown` resolves, then answers what has begun, for at most [`GRACE`], and returns. Whoever sends
/// the head of a request too slowly is cut off.
pub async fn serve(
    listener: TcpListener,
    app: Router,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let address = listener.local_addr()?;
    tracing::info!(%address, "serving");
    let mut connections = http1::Builder::new();
    connections
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT);
    let service = TowerToHyperService::new(app);
    let open = GracefulShutdown::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            accepted = listener.accept() => accepted,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        // An answer is one small packet after a pause; waiting to fill it would only delay it.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection keeps its delay");
        }
        let connection = connections.serve_connection(TokioIo::new(stream), service.clone());
        let connection = open.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection broke");
            }
        });
    }
    drop(listener);
    if tokio::time::timeout(GRACE, open.shutdown()).await.is_err() {
        tracing::warn!("stopped before all requests had ended");
    }
    Ok(())
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

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;
    use tokio::sync::oneshot;

    use super::*;

    async fn start(
        app: Router,
    ) -> (
        std::net::SocketAddr,
        oneshot::Sender<()>,
        tokio::task::JoinHandle<io::Result<()>>,
    ) {
        let listener = listen("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let served = tokio::spawn(serve(listener, app, async {
            let _ = stopped.await;
        }));
        (address, stop, served)
    }

    #[tokio::test]
    async fn what_has_begun_is_answered_after_the_signal_to_stop() {
        let slow = get(|| async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            "done"
        });
        let (address, stop, served) = start(Router::new().route("/", slow)).await;
        let mut client = TcpStream::connect(address).await.unwrap();
        client
            .write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            .await
            .unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
        stop.send(()).unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert!(
            answer.starts_with("HTTP/1.1 200") && answer.ends_with("done"),
            "{answer}"
        );
        served.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_client_that_never_ends_its_request_does_not_keep_the_process() {
        let (address, stop, served) = start(Router::new()).await;
        let mut client = TcpStream::connect(address).await.unwrap();
        client
            .write_all(b"GET / HTTP/1.1\r\nhost: x\r\nx")
            .await
            .unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
        stop.send(()).unwrap();
        let ended = tokio::time::timeout(GRACE * 2, served).await;
        assert!(ended.is_ok_and(|served| served.unwrap().is_ok()));
    }
}
