//! The whole service in one process.

mod queue;
mod secret;
mod welcome;

use std::io::Write;
use std::net::SocketAddr;

use anyhow::Context;
use bonafide_core::config::{Config, Environment};
use bonafide_core::events::{EventSink, StorageEvent};
use bonafide_core::store::SharedStore;
use bonafide_core::{http, runtime};
use tokio::net::TcpListener;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::{mpsc, watch};

use crate::house::{House, load_detector};
use queue::{Queue, Sender};

/// Serves until SIGTERM or SIGINT.
pub(crate) fn run(config: Config) -> anyhow::Result<()> {
    runtime::start_logging();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start threads")?;
    let result = runtime.block_on(serve(config));
    // An analysis that outlived the grace must not keep the process.
    runtime.shutdown_background();
    result
}

/// All that serving needs, not yet begun.
struct Ready {
    listener: TcpListener,
    house: House,
    events: Sender,
    incoming: UnboundedReceiver<StorageEvent>,
    welcome: String,
}

async fn prepare(mut config: Config) -> anyhow::Result<Ready> {
    if config.environment == Environment::Production {
        // What is missing is told before anything is made.
        config.access_tokens()?;
        config.api_keys()?;
    }
    // Before all work, so that a taken port is told at once, and callers who come early wait instead of failing.
    let listener = runtime::listen(&address(&config)).await?;
    let url = url_of(listener.local_addr()?);
    let detector = tokio::task::spawn_blocking({
        let config = config.clone();
        move || load_detector(&config)
    });
    // The store first: it locks the data folder, in which the secret is made.
    let store = open_store(&config).await?;
    let data_dir = config.data_dir.clone();
    config.or_secret_key(|| secret::read_or_make(&data_dir))?;
    if config.environment == Environment::Development {
        config.or_public_url(url.clone());
    }
    let bucket = config.open_bucket()?;
    let (events, incoming) = mpsc::unbounded_channel();
    let uploads = if bucket.is_local() {
        EventSink::Queue(events.clone())
    } else {
        EventSink::Bucket
    };
    let welcome = welcome::text(&config, &url, bucket.name(), |name| {
        std::env::var(name).ok()
    });
    let detector = detector
        .await
        .context("loading the model broke off")?
        .context("cannot use the model")?;
    let house = House::new(&config, &store, bucket, uploads, detector)?;
    Ok(Ready {
        listener,
        house,
        events,
        incoming,
        welcome,
    })
}

async fn serve(config: Config) -> anyhow::Result<()> {
    // Listened for from the beginning: a signal that comes while the service starts is one to obey, too.
    let mut signal = tokio::spawn(runtime::shutdown_signal());
    let Ready {
        listener,
        house,
        events,
        incoming,
        welcome,
    } = tokio::select! {
        ready = prepare(config) => ready?,
        _ = &mut signal => return Ok(()),
    };

    let (stop, stopping) = watch::channel(false);
    let queue = Queue::new(house.events.clone(), stopping.clone());
    let queue = tokio::spawn(queue.run(incoming));
    // Those of a process that crashed, and those whose cloud event was lost.
    let reconciling = tokio::spawn(house.events.keep_telling(move |event| {
        // Nobody reads the queue any more where the service stops; the next start finds them again.
        let _ = events.send(event);
    }));
    let app = http::app(house.routes.split_for_parts().0);
    let mut server = tokio::spawn(runtime::serve(listener, app, until(stopping)));
    // Where nobody reads it, serving matters more.
    let _ = std::io::stdout().lock().write_all(welcome.as_bytes());

    tokio::select! {
        _ = signal => {}
        // It ends by itself only where it fails.
        ended = &mut server => return Ok(ended.context("the server broke off")??),
    }
    tracing::info!("ending what has begun; a second signal ends it at once");
    tokio::spawn(exit_at_second_signal());
    reconciling.abort();
    stop.send_replace(true);
    let drained = async {
        let served = server.await;
        // Uploads that have just been answered may still be in the queue; they stay for the next start.
        let _ = queue.await;
        served
    };
    match tokio::time::timeout(runtime::GRACE, drained).await {
        Ok(served) => Ok(served.context("the server broke off")??),
        Err(_) => {
            tracing::warn!("stopped before all requests had ended");
            Ok(())
        }
    }
}

/// `host:port`, with the brackets that an IPv6 address needs.
fn address(config: &Config) -> String {
    if config.host.contains(':') && !config.host.starts_with('[') {
        format!("[{}]:{}", config.host, config.port)
    } else {
        format!("{}:{}", config.host, config.port)
    }
}

/// How this machine reaches the server.
fn url_of(local: SocketAddr) -> String {
    if local.ip().is_unspecified() {
        format!("http://127.0.0.1:{}", local.port())
    } else {
        format!("http://{local}")
    }
}

async fn open_store(config: &Config) -> anyhow::Result<SharedStore> {
    if !config.uses_embedded_store() {
        return config
            .open_mongodb()
            .await
            .context("cannot use the MongoDB of MONGODB_URI");
    }
    let config = config.clone();
    let folder = config.data_dir.clone();
    tokio::task::spawn_blocking(move || config.open_embedded_store())
        .await
        .context("opening the store broke off")?
        .with_context(|| {
            format!(
                "cannot use the data folder {} (--data-dir takes another)",
                folder.display()
            )
        })
}

/// Resolves when the signal to stop has come.
async fn until(mut stopping: watch::Receiver<bool>) {
    // The sender lives as long as the process serves; should it be gone, stopping is right.
    let _ = stopping.wait_for(|stop| *stop).await;
}

/// Whoever asks twice does not want to wait.
async fn exit_at_second_signal() {
    runtime::shutdown_signal().await;
    std::process::exit(130);
}
