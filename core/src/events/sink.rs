//! Where the event of an upload goes that passed through this server.

use std::fmt;
use std::time::{Duration, Instant};

use http::StatusCode;
use http::header::RETRY_AFTER;
use reqwest::redirect::Policy;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::mpsc::UnboundedSender;
use url::Url;

use super::{StorageEvent, to_s3_records};

/// How long the receiver may take, which analyses the recording before it answers.
const TIMEOUT: Duration = Duration::from_secs(120);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long an event is kept and tried again: as long as a full line of the longest recordings takes to become shorter.
/// An event waits in memory, as a few hundred bytes; what a crash or a longer outage takes is found by the reconcile run.
pub(super) const PERSISTENCE: Persistence = Persistence {
    first_pause: Duration::from_millis(100),
    longest_pause: Duration::from_secs(10),
    longest_retry_after: Duration::from_secs(125),
    give_up_after: Duration::from_secs(300),
};

/// When an event that was not taken is sent again.
#[derive(Clone, Copy)]
pub(super) struct Persistence {
    /// Doubled after every attempt.
    pub(super) first_pause: Duration,
    /// No pause of our own is longer.
    pub(super) longest_pause: Duration,
    /// A receiver that asks for more (`Retry-After`) gets this. The detect function asks for two seconds where its line
    /// is full, and for what is left of a lease of two minutes where another worker has the file.
    pub(super) longest_retry_after: Duration,
    /// No attempt begins later than this after the first.
    pub(super) give_up_after: Duration,
}

impl Persistence {
    /// How long to wait after the attempt with this number, counted from 0, that ended so long after the beginning;
    /// `None` where it is time to give up. Never shorter than what the receiver asks for, up to the bound; longer by up
    /// to a half, so that those whom it refused together do not come back together.
    pub(super) fn pause(
        &self,
        attempt: u32,
        elapsed: Duration,
        retry_after: Option<Duration>,
    ) -> Option<Duration> {
        let own = self
            .first_pause
            .saturating_mul(2_u32.saturating_pow(attempt))
            .min(self.longest_pause);
        let asked = retry_after
            .unwrap_or_default()
            .min(self.longest_retry_after);
        let pause = own.max(asked).mul_f64(rand::random_range(1.0..1.5));
        (elapsed + pause <= self.give_up_after).then_some(pause)
    }
}

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

/// Why an event did not arrive. The upload is safe all the same: the reconcile run of the detect function finds it.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// The worker in this process has ended.
    #[error("nobody reads the event queue any more")]
    QueueClosed,
    /// The receiver's last answer was not a success.
    #[error("the event's receiver answered {status}")]
    Refused {
        /// The answer.
        status: StatusCode,
        /// When it wants to be asked again (`Retry-After` in seconds), where it says.
        retry_after: Option<Duration>,
    },
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

    /// Hands the event over. A webhook is tried again on 429, 5xx and failed connections; not on a timeout, because then
    /// the receiver is at work. The pauses grow from 0.1 s to 10 s, or are as long as the receiver's `Retry-After` (of
    /// which at most 125 s are kept), and each is up to a half longer by chance; after five minutes the event is given
    /// up. So this may take minutes: run it beside the request, not in it.
    ///
    /// # Errors
    /// [`DeliveryError`]: log it and go on.
    pub async fn deliver(&self, event: StorageEvent) -> Result<(), DeliveryError> {
        match self {
            Self::Bucket => Ok(()),
            Self::Queue(queue) => queue.send(event).map_err(|_| DeliveryError::QueueClosed),
            Self::Webhook { url, token, client } => {
                persist(&PERSISTENCE, || post(client, url, token, &event)).await
            }
        }
    }
}

/// Attempts a delivery until it succeeds, fails for good, or time is up.
pub(super) async fn persist<Attempt>(
    persistence: &Persistence,
    mut attempt: impl FnMut() -> Attempt,
) -> Result<(), DeliveryError>
where
    Attempt: Future<Output = Result<(), DeliveryError>>,
{
    let start = Instant::now();
    let mut count = 0;
    loop {
        let error = match attempt().await {
            Err(error) if error.is_passing() => error,
            outcome => return outcome,
        };
        let Some(pause) = persistence.pause(count, start.elapsed(), error.retry_after()) else {
            return Err(error);
        };
        tracing::debug!(%error, ?pause, "storage event not taken, trying again");
        tokio::time::sleep(pause).await;
        count += 1;
    }
}

impl DeliveryError {
    fn is_passing(&self) -> bool {
        match self {
            Self::QueueClosed => false,
            Self::Refused { status, .. } => {
                *status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error()
            }
            Self::Unreachable(error) => !error.is_timeout() || error.is_connect(),
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused { retry_after, .. } => *retry_after,
            Self::QueueClosed | Self::Unreachable(_) => None,
        }
    }
}

pub(super) async fn post(
    client: &reqwest::Client,
    url: &Url,
    token: &SecretString,
    event: &StorageEvent,
) -> Result<(), DeliveryError> {
    let response = client
        .post(url.clone())
        .bearer_auth(token.expose_secret())
        .json(&to_s3_records(event))
        .send()
        .await
        .map_err(DeliveryError::Unreachable)?;
    match response.status() {
        status if status.is_success() => Ok(()),
        status => Err(DeliveryError::Refused {
            status,
            // A date, its other form, is one that our receivers never send.
            retry_after: response
                .headers()
                .get(RETRY_AFTER)
                .and_then(|value| value.to_str().ok()?.trim().parse().ok())
                .map(Duration::from_secs),
        }),
    }
}
