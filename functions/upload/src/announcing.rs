//! Who learns of an upload, by configuration.

use bonafide_core::config::{Config, ConfigError, EventAuth};
use bonafide_core::events::EventSink;
use bonafide_core::objects::Bucket;

/// Clouds' buckets announce uploads by themselves. A local folder cannot: the `detect` function at `DETECT_EVENTS_URL` is
/// told, with `EVENT_TOKEN`.
///
/// # Errors
/// [`ConfigError`] naming the variable that a local folder needs and that is not set.
pub fn event_sink(config: &Config, bucket: &Bucket) -> Result<EventSink, ConfigError> {
    if !bucket.is_local() {
        return Ok(EventSink::Bucket);
    }
    let url = config
        .events_url
        .clone()
        .ok_or(ConfigError::Missing("DETECT_EVENTS_URL"))?;
    let EventAuth::Token(token) = &config.event_auth else {
        return Err(ConfigError::Missing("EVENT_TOKEN"));
    };
    EventSink::webhook(url, token.clone()).map_err(|error| ConfigError::Invalid {
        name: "DETECT_EVENTS_URL",
        problem: error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use bonafide_core::config::Environment;
    use bonafide_core::objects::LocalSigning;

    use super::*;

    fn sink(bucket: &Bucket, variables: &[(&str, &str)]) -> Result<EventSink, ConfigError> {
        let get = |name: &str| {
            variables
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| (*value).to_owned())
        };
        event_sink(&Config::read(get, Environment::Production)?, bucket)
    }

    #[tokio::test]
    async fn a_local_folder_needs_somebody_to_tell() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("file://{}", folder.path().display());
        let signing = LocalSigning {
            public_url: "http://127.0.0.1:8080".into(),
            secret: "s".into(),
        };
        let bucket = Bucket::open(&url, signing).unwrap();
        assert!(matches!(
            sink(&bucket, &[]),
            Err(ConfigError::Missing("DETECT_EVENTS_URL"))
        ));
        let address = ("DETECT_EVENTS_URL", "http://127.0.0.1:8081/events");
        assert!(matches!(
            sink(&bucket, &[address]),
            Err(ConfigError::Missing("EVENT_TOKEN"))
        ));
        assert!(matches!(
            sink(&bucket, &[address, ("EVENT_TOKEN", "t")]),
            Ok(EventSink::Webhook { .. })
        ));
    }
}
