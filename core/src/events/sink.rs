//! Where the event of an upload goes that passed through this server.

use std::fmt;
use std::time::Duration;

use http::StatusCode;
use reqwest::redirect::Policy;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::mpsc::UnboundedSender;
use url::Url;

use super::{StorageEvent, to_s3_records};

/// How long the receiver may take, which analyses the recording before it answers.
const TIMEOUT: Duration = Duration::from_secs(120);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const ATTEMPTS: u32 = 4;
/// Doubled after every attempt.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// Who learns that an object has been written by this server.
#[derive(Clone)]
pub enum EventSink {
    /// Nobody: the cloud's bucket sends the event by itself.
    Bucket,
    /// A worker in the same process.
    Queue(UnboundedSender<StorageEvent>),
    /// The detect function, over HTTP, told as a self-hosted S3 bucket would tell it. Made by [`EventSink::webhook`].
    Webhook {
        /// Where the detect function takes events.
        url: Url,
        /// Sent as `authorization: Bearer`.
        token: SecretString,
        /// Its connections.
        client: reqwest::Client,
    },
}

impl fmt::Debug for EventSink {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bucket => formatter.write_str("Bucket"),
            Self::Queue(_) => formatter.write_str("Queue"),
            Self::Webhook { url, .. } => write!(formatter, "Webhook({url})"),
        }
    }
}

/// Why an event did not arrive. The upload is safe all the same: the reconcile job finds it.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// The worker in this process has ended.
    #[error("nobody reads the event queue any more")]
    QueueClosed,
    /// The receiver's last answer was not a success.
    #[error("the event's receiver answered {0}")]
    Refused(StatusCode),
    /// The receiver did not answer.
    #[error("the event's receiver did not answer: {0}")]
    Unreachable(#[source] reqwest::Error),
}

impl EventSink {
    /// A webhook with the timeouts that [`deliver`](Self::deliver) counts on.
    ///
    /// # Errors
    /// Where the HTTP client cannot be made (no usable TLS setup).
    pub fn webhook(url: Url, token: SecretString) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .connect_timeout(CONNECT_TIMEOUT)
            // The token is for this receiver only.
            .redirect(Policy::none())
            .build()?;
        Ok(Self::Webhook { url, token, client })
    }

    /// Hands the event over. A webhook is tried again, with growing pauses, on 429, 5xx and failed connections; not on
    /// a timeout, because then the receiver is at work.
    ///
    /// # Errors
    /// [`DeliveryError`]: log it and go on.
    pub async fn deliver(&self, event: StorageEvent) -> Result<(), DeliveryError> {
        match self {
            Self::Bucket => Ok(()),
            Self::Queue(queue) => queue.send(event).map_err(|_| DeliveryError::QueueClosed),
            Self::Webhook { url, token, client } => {
                let body = to_s3_records(&event);
                let mut pause = FIRST_PAUSE;
                for _ in 1..ATTEMPTS {
                    match post(client, url, token, &body).await {
                        Err(error) if error.is_passing() => {
                            tracing::debug!(%error, key = %event.object_key, "storage event not taken, trying again");
                        }
                        outcome => return outcome,
                    }
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                }
                post(client, url, token, &body).await
            }
        }
    }
}

impl DeliveryError {
    fn is_passing(&self) -> bool {
        match self {
            Self::QueueClosed => false,
            Self::Refused(status) => {
                *status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error()
            }
            Self::Unreachable(error) => !error.is_timeout() || error.is_connect(),
        }
    }
}

async fn post(
    client: &reqwest::Client,
    url: &Url,
    token: &SecretString,
    body: &serde_json::Value,
) -> Result<(), DeliveryError> {
    let response = client
        .post(url.clone())
        .bearer_auth(token.expose_secret())
        .json(body)
        .send()
        .await
        .map_err(DeliveryError::Unreachable)?;
    match response.status() {
        status if status.is_success() => Ok(()),
        status => Err(DeliveryError::Refused(status)),
    }
}
