//! Fetches recordings by URL, from the bucket and from the hosts that the configuration names, and from nowhere else.
//!
//! Three locks: the URL must lie in the bucket or on a configured host (exactly that host and port); redirects are not
//! followed and no proxy is used; a configured name that resolves to an address inside somebody's network is refused at
//! the moment of connecting, so that no answer of a name server leads inside. Only a place whose configuration itself
//! says that it is inside (a literal address, `localhost`, the bucket's own endpoint) is reached there.

use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

use axum::http::StatusCode;
use bonafide_core::config::ConfigError;
use bonafide_core::http::MAX_AUDIO_BYTES;
use bonafide_core::objects::{Bucket, ObjectError, SignedQuery};
use bytes::{Bytes, BytesMut};
use reqwest::dns::{Name, Resolve, Resolving};
use reqwest::{Client, ClientBuilder, redirect};
use url::{Host, Url};

use super::address::is_public;
use crate::StartError;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// For everything, from connecting to the last byte.
const TOTAL_TIMEOUT: Duration = Duration::from_secs(15);
const VARIABLE: &str = "PREDICT_ALLOWED_HOSTS";

/// Why a recording is not there.
#[derive(Debug)]
pub(crate) enum FetchError {
    /// The URL leads where nothing may be fetched from; says why.
    NotAllowed(&'static str),
    /// More than [`MAX_AUDIO_BYTES`].
    TooLarge,
    /// The bucket has no such object.
    Missing,
    /// The host answered with something other than success. Redirects are among them.
    Status(StatusCode),
    /// No answer, or not all of it.
    Unreachable(String),
    /// The local bucket failed.
    Bucket(ObjectError),
}

/// A host that the configuration names.
#[derive(Debug, PartialEq, Eq)]
struct AllowedHost {
    host: Host<String>,
    /// `None` is the usual port of the URL's scheme.
    port: Option<u16>,
}

impl AllowedHost {
    /// Reads `host` or `host:port`.
    fn parse(text: &str) -> Option<Self> {
        // A URL leaves the usual port of its scheme out, so a port that is written shows in one of the two.
        let [http, https] =
            ["http", "https"].map(|scheme| Url::parse(&format!("{scheme}://{text}")).ok());
        let (http, https) = (http?, https?);
        let bare = http.path() == "/"
            && http.query().is_none()
            && http.fragment().is_none()
            && http.username().is_empty()
            && http.password().is_none()
            && !text.ends_with('/');
        let port = http.port().or(https.port());
        bare.then_some(Self {
            host: http.host()?.to_owned(),
            port,
        })
    }

    fn is_host_of(&self, url: &Url) -> bool {
        let usual = || if url.scheme() == "https" { 443 } else { 80 };
        url.host().is_some_and(|host| host.to_owned() == self.host)
            && url.port_or_known_default() == Some(self.port.unwrap_or_else(usual))
    }

    /// Whether the operator wrote, and so meant, a place inside.
    fn is_inside(&self) -> bool {
        match &self.host {
            Host::Ipv4(address) => !is_public((*address).into()),
            Host::Ipv6(address) => !is_public((*address).into()),
            Host::Domain(name) => name == "localhost" || name.ends_with(".localhost"),
        }
    }
}

/// Fetches recordings by URL.
pub(crate) struct Recordings {
    bucket: Bucket,
    allowed: Vec<AllowedHost>,
    /// For hosts on the public internet.
    public: Client,
    /// For the bucket's endpoint and for places inside that the configuration names.
    inside: Client,
}

impl Recordings {
    /// Fetches from `bucket` and from `allowed_hosts` (each `host` or `host:port`).
    pub(crate) fn new(bucket: Bucket, allowed_hosts: &[String]) -> Result<Self, StartError> {
        let allowed = allowed_hosts
            .iter()
            .map(|text| {
                AllowedHost::parse(text).ok_or_else(|| ConfigError::Invalid {
                    name: VARIABLE,
                    problem: format!("{text:?} is neither host nor host:port"),
                })
            })
            .collect::<Result<_, _>>()?;
        Ok(Self {
            bucket,
            allowed,
            public: client().dns_resolver(PublicOnly).build()?,
            inside: client().build()?,
        })
    }

    /// Reads the recording behind `url`.
    pub(crate) async fn fetch(&self, url: Url) -> Result<Bytes, FetchError> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(FetchError::NotAllowed(
                "only http and https URLs are fetched",
            ));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(FetchError::NotAllowed(
                "the URL must not hold a username or a password",
            ));
        }
        if let Some(key) = self.bucket.key_of_url(&url) {
            if self.bucket.is_local() {
                return self.read_local(&key, &url).await;
            }
            // As it is: whether the caller may read the object, the URL's own signature says.
            return download(&self.inside, url).await;
        }
        match self.allowed.iter().find(|allowed| allowed.is_host_of(&url)) {
            Some(allowed) if allowed.is_inside() => download(&self.inside, url).await,
            Some(_) => download(&self.public, url).await,
            None => Err(FetchError::NotAllowed(
                "the URL is neither in the bucket nor on a configured host",
            )),
        }
    }

    /// The local folder's URLs lead back to this very house: the object is read directly.
    async fn read_local(&self, key: &str, url: &Url) -> Result<Bytes, FetchError> {
        let mut query = SignedQuery::default();
        for (name, value) in url.query_pairs() {
            match &*name {
                "expires" => query.expires = value.into_owned(),
                "max_bytes" => query.max_bytes = value.into_owned(),
                "content_type" => query.content_type = value.into_owned(),
                "signature" => query.signature = value.into_owned(),
                _ => {}
            }
        }
        self.bucket.verify_local("GET", key, &query).map_err(|_| {
            FetchError::NotAllowed("the URL's signature is missing, wrong or expired")
        })?;
        match self.bucket.get(key, MAX_AUDIO_BYTES as u64).await {
            Ok((bytes, _)) => Ok(bytes),
            Err(ObjectError::NotFound) => Err(FetchError::Missing),
            Err(ObjectError::TooLarge { .. }) => Err(FetchError::TooLarge),
            Err(error) => Err(FetchError::Bucket(error)),
        }
    }
}

fn client() -> ClientBuilder {
    Client::builder()
        .redirect(redirect::Policy::none())
        // A proxy would connect in our place, past the check of addresses.
        .no_proxy()
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(TOTAL_TIMEOUT)
        .referer(false)
}

async fn download(client: &Client, url: Url) -> Result<Bytes, FetchError> {
    let mut response = client.get(url).send().await.map_err(not_reached)?;
    if response.status() != StatusCode::OK {
        return Err(FetchError::Status(response.status()));
    }
    // The announced length is the host's word; the limit holds whatever it sends.
    if response
        .content_length()
        .is_some_and(|length| length > MAX_AUDIO_BYTES as u64)
    {
        return Err(FetchError::TooLarge);
    }
    let mut recording = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(not_reached)? {
        if recording.len() + chunk.len() > MAX_AUDIO_BYTES {
            return Err(FetchError::TooLarge);
        }
        recording.extend_from_slice(&chunk);
    }
    Ok(recording.freeze())
}

fn not_reached(error: reqwest::Error) -> FetchError {
    // Without the URL: its signature is a credential.
    let error = error.without_url();
    let mut cause: Option<&(dyn Error + 'static)> = Some(&error);
    let mut words = Vec::new();
    while let Some(current) = cause {
        if current.is::<NotPublic>() {
            return FetchError::NotAllowed("the host is not on the public internet");
        }
        words.push(current.to_string());
        cause = current.source();
    }
    FetchError::Unreachable(words.join(": "))
}

/// A name that leads to no public address.
#[derive(Debug, thiserror::Error)]
#[error("the name has no address on the public internet")]
struct NotPublic;

/// Resolves names to public addresses only. What it answers is what is connected to: nothing is resolved twice.
struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public: Vec<SocketAddr> = found.filter(|address| is_public(address.ip())).collect();
            if public.is_empty() {
                return Err(NotPublic.into());
            }
            Ok(Box::new(public.into_iter()) as reqwest::dns::Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(entry: &str, url: &str) -> bool {
        AllowedHost::parse(entry)
            .unwrap()
            .is_host_of(&Url::parse(url).unwrap())
    }

    #[test]
    fn an_entry_allows_exactly_its_host_and_port() {
        assert!(allows("cdn.example", "https://cdn.example/a.mp3"));
        assert!(allows("cdn.example", "http://cdn.example/a.mp3"));
        assert!(allows("CDN.example", "https://cdn.EXAMPLE:443/a.mp3"));
        assert!(allows("cdn.example:8443", "https://cdn.example:8443/a.mp3"));
        assert!(allows("cdn.example:80", "http://cdn.example/a.mp3"));
        assert!(allows("[::1]:9000", "http://[0:0:0:0:0:0:0:1]:9000/a"));
        assert!(allows("127.0.0.1:9000", "http://2130706433:9000/a"));
        for (entry, url) in [
            ("cdn.example", "https://cdn.example:8443/a"),
            ("cdn.example:8443", "https://cdn.example/a"),
            ("cdn.example:80", "https://cdn.example/a"),
            ("cdn.example", "https://evil.cdn.example/a"),
            ("cdn.example", "https://cdn.example.evil/a"),
            ("cdn.example", "https://cdn.example./a"),
            ("127.0.0.1:9000", "http://127.0.0.1/a"),
            ("127.0.0.1:9000", "http://127.0.0.2:9000/a"),
        ] {
            assert!(!allows(entry, url), "{entry} {url}");
        }
    }

    #[test]
    fn an_entry_that_is_no_host_is_refused() {
        for entry in [
            "https://cdn.example",
            "cdn.example/",
            "cdn.example/a",
            "user@cdn.example",
            "a b",
            "host:port",
            "h?q",
        ] {
            assert_eq!(AllowedHost::parse(entry), None, "{entry}");
        }
    }

    #[tokio::test]
    async fn a_name_that_leads_inside_is_refused_when_connecting() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Url::parse(&format!(
            "http://localhost:{}/",
            listener.local_addr().unwrap().port()
        ))
        .unwrap();
        let public = client().dns_resolver(PublicOnly).build().unwrap();
        assert!(matches!(
            download(&public, url).await,
            Err(FetchError::NotAllowed(_))
        ));
    }
}
