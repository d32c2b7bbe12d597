//! Configuration: read once from the environment, the same names in every place.
//!
//! In development every value has a default; in production secrets and places must be given, and the well-known
//! development values are refused.

use std::path::PathBuf;

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::auth::{AccessTokens, ApiKeys, derive_secret};
use crate::objects::{Bucket, LocalSigning, ObjectError};
use crate::store::embedded::EmbeddedStore;
use crate::store::mongodb::MongoStore;
use crate::store::{SharedStore, StoreError};

/// The key of the first demo; good in development and only there.
pub const DEMO_API_KEY: &str = "hackathon_demo_key_2026";
const DEVELOPMENT_SECRET: &str = "only-for-development-never-in-production";
const SHORTEST_SECRET: usize = 32;

/// Why the program does not start.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A variable that must be set is not.
    #[error("{0} must be set (see .env.example)")]
    Missing(&'static str),
    /// A variable has a value that cannot be used.
    #[error("{name}: {problem}")]
    Invalid {
        /// The variable.
        name: &'static str,
        /// What is wrong with it; never the value of a secret.
        problem: String,
    },
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The bucket cannot be opened.
    #[error(transparent)]
    Bucket(#[from] ObjectError),
}

fn invalid(name: &'static str, problem: impl Into<String>) -> ConfigError {
    ConfigError::Invalid {
        name,
        problem: problem.into(),
    }
}

/// Where the program runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Environment {
    /// A laptop: defaults for everything.
    Development,
    /// Anywhere else: no default secret, key or place.
    Production,
}

/// Who may post storage events.
#[derive(Clone, Debug)]
pub enum EventAuth {
    /// Nobody over HTTP.
    Closed,
    /// Whoever shows this token as `Authorization: Bearer`.
    Token(SecretString),
    /// The platform in front lets only the event's service account through (private Cloud Run services).
    Platform,
}

/// What all functions read from the environment. Values are checked when they are used, so that a function needs only
/// its own.
#[derive(Clone, Debug)]
pub struct Config {
    /// `ENVIRONMENT`: `production` (the default of the functions) or `development`.
    pub environment: Environment,
    /// `HOST`, default 0.0.0.0.
    pub host: String,
    /// `PORT`, default 8080.
    pub port: u16,
    /// `DATA_DIR`: folder of the embedded store and of local recordings, default `data`.
    pub data_dir: PathBuf,
    /// `EVENT_AUTH=platform`, or `EVENT_TOKEN`.
    pub event_auth: EventAuth,
    /// `DETECT_EVENTS_URL`: where a local folder, which sends no events by itself, posts them.
    pub events_url: Option<Url>,
    /// `ML_SERVICE_URL`: the detect function's address, for `health`.
    pub ml_service_url: Option<Url>,
    /// `PREDICT_ALLOWED_HOSTS`: hosts (`host` or `host:port`, comma-separated) that `/api/predict` may fetch from besides
    /// the bucket.
    pub predict_allowed_hosts: Vec<String>,
    /// `MODEL_PATH` and `MODEL_MANIFEST`: a model to use instead of the embedded one.
    pub model: Option<(PathBuf, PathBuf)>,
    secret_key: Option<SecretString>,
    api_keys: Vec<SecretString>,
    service_keys: Vec<SecretString>,
    mongodb_uri: Option<SecretString>,
    mongodb_database: String,
    storage_url: Option<String>,
    public_url: Option<String>,
    behind_gateway: bool,
}

impl Config {
    /// Reads the process's environment.
    pub fn from_environment() -> Result<Self, ConfigError> {
        Self::read(|name| std::env::var(name).ok(), Environment::Production)
    }

    /// Reads variables through `lookup`; `default` is the environment where `ENVIRONMENT` is not set. Empty values
    /// count as not set.
    pub fn read(
        lookup: impl Fn(&str) -> Option<String>,
        default: Environment,
    ) -> Result<Self, ConfigError> {
        let get = |name: &str| {
            lookup(name)
                .map(|value| value.trim().to_owned())
                .filter(|value| !value.is_empty())
        };
        let list = |name: &str| -> Vec<String> {
            let value = get(name).unwrap_or_default();
            value
                .split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty())
                .map(ToOwned::to_owned)
                .collect()
        };
        let url = |name: &'static str| -> Result<Option<Url>, ConfigError> {
            get(name)
                .map(|value| Url::parse(&value).map_err(|error| invalid(name, error.to_string())))
                .transpose()
        };
        let environment = match get("ENVIRONMENT").as_deref() {
            None => default,
            Some("development") => Environment::Development,
            Some("production") => Environment::Production,
            Some(_) => return Err(invalid("ENVIRONMENT", "must be development or production")),
        };
        let event_auth = match (get("EVENT_AUTH").as_deref(), get("EVENT_TOKEN")) {
            (Some("platform"), None) => EventAuth::Platform,
            (None | Some("token"), Some(token)) => EventAuth::Token(token.into()),
            (None, None) => EventAuth::Closed,
            (Some("token"), None) => return Err(ConfigError::Missing("EVENT_TOKEN")),
            (Some("platform"), Some(_)) => {
                return Err(invalid("EVENT_AUTH", "is platform, yet EVENT_TOKEN is set"));
            }
            (Some(_), _) => return Err(invalid("EVENT_AUTH", "must be platform or token")),
        };
        let model = match (get("MODEL_PATH"), get("MODEL_MANIFEST")) {
            (None, None) => None,
            (Some(path), Some(manifest)) => Some((path.into(), manifest.into())),
            (Some(_), None) => return Err(ConfigError::Missing("MODEL_MANIFEST")),
            (None, Some(_)) => return Err(ConfigError::Missing("MODEL_PATH")),
        };
        let behind_gateway = match get("API_GATEWAY").as_deref() {
            None | Some("none" | "aws") => false,
            Some("google") => true,
            Some(_) => return Err(invalid("API_GATEWAY", "must be google, aws or none")),
        };
        let secrets = |name| list(name).into_iter().map(SecretString::from).collect();
        Ok(Self {
            environment,
            host: get("HOST").unwrap_or_else(|| "0.0.0.0".to_owned()),
            port: get("PORT")
                .map(|port| {
                    port.parse()
                        .map_err(|_| invalid("PORT", "must be a port number"))
                })
                .transpose()?
                .unwrap_or(8080),
            data_dir: get("DATA_DIR").unwrap_or_else(|| "data".to_owned()).into(),
            event_auth,
            events_url: url("DETECT_EVENTS_URL")?,
            ml_service_url: url("ML_SERVICE_URL")?,
            predict_allowed_hosts: list("PREDICT_ALLOWED_HOSTS"),
            model,
            secret_key: get("SECRET_KEY").map(SecretString::from),
            api_keys: secrets("API_KEYS"),
            service_keys: secrets("SERVICE_KEYS"),
            mongodb_uri: get("MONGODB_URI").map(SecretString::from),
            mongodb_database: get("MONGODB_DATABASE").unwrap_or_else(|| "bonafide".to_owned()),
            storage_url: get("STORAGE_URL"),
            public_url: get("PUBLIC_URL").map(|url| url.trim_end_matches('/').to_owned()),
            behind_gateway,
        })
    }

    /// Uses `secret` where `SECRET_KEY` is not set in development; the all-in-one keeps one in its data folder.
    pub fn or_secret_key(
        &mut self,
        secret: impl FnOnce() -> std::io::Result<SecretString>,
    ) -> Result<(), ConfigError> {
        if self.secret_key.is_none() && self.environment == Environment::Development {
            self.secret_key =
                Some(secret().map_err(|error| invalid("SECRET_KEY", error.to_string()))?);
        }
        Ok(())
    }

    /// Uses `url` where `PUBLIC_URL` is not set.
    pub fn or_public_url(&mut self, url: String) {
        self.public_url.get_or_insert(url);
    }

    /// The one secret from which the others are derived.
    fn secret_key(&self) -> Result<SecretString, ConfigError> {
        match (&self.secret_key, self.environment) {
            (None, Environment::Development) => Ok(DEVELOPMENT_SECRET.into()),
            (None, Environment::Production) => Err(ConfigError::Missing("SECRET_KEY")),
            (Some(secret), Environment::Production)
                if secret.expose_secret() == DEVELOPMENT_SECRET =>
            {
                Err(invalid("SECRET_KEY", "is the development default"))
            }
            (Some(secret), Environment::Production)
                if secret.expose_secret().len() < SHORTEST_SECRET =>
            {
                Err(invalid(
                    "SECRET_KEY",
                    format!("must have at least {SHORTEST_SECRET} characters"),
                ))
            }
            (Some(secret), _) => Ok(secret.clone()),
        }
    }

    /// Issues and checks users' access tokens.
    pub fn access_tokens(&self) -> Result<AccessTokens, ConfigError> {
        Ok(AccessTokens::new(&self.secret_key()?, self.behind_gateway))
    }

    /// `API_KEYS` and `SERVICE_KEYS`, comma-separated; in development both default to [`DEMO_API_KEY`]. In production
    /// a function without partners or services simply lets none in.
    pub fn api_keys(&self) -> Result<ApiKeys, ConfigError> {
        let known = |name, keys: &[SecretString]| match self.environment {
            Environment::Development if keys.is_empty() => Ok(vec![DEMO_API_KEY.into()]),
            Environment::Production
                if keys.iter().any(|key| key.expose_secret() == DEMO_API_KEY) =>
            {
                Err(invalid(
                    name,
                    "holds the demo key, which is for development only",
                ))
            }
            _ => Ok(keys.to_vec()),
        };
        Ok(ApiKeys::new(
            &known("API_KEYS", &self.api_keys)?,
            &known("SERVICE_KEYS", &self.service_keys)?,
        ))
    }

    /// Whether the all-in-one is to use the embedded store: no `MONGODB_URI`.
    pub fn uses_embedded_store(&self) -> bool {
        self.mongodb_uri.is_none()
    }

    /// MongoDB by `MONGODB_URI` and `MONGODB_DATABASE`.
    pub async fn open_mongodb(&self) -> Result<SharedStore, ConfigError> {
        let uri = self
            .mongodb_uri
            .as_ref()
            .ok_or(ConfigError::Missing("MONGODB_URI"))?;
        Ok(std::sync::Arc::new(
            MongoStore::connect(uri.expose_secret(), &self.mongodb_database).await?,
        ))
    }

    /// The embedded store in the data folder.
    pub fn open_embedded_store(&self) -> Result<SharedStore, ConfigError> {
        std::fs::create_dir_all(&self.data_dir)
            .map_err(|error| invalid("DATA_DIR", error.to_string()))?;
        Ok(std::sync::Arc::new(EmbeddedStore::open(
            &self.data_dir.join("bonafide.redb"),
        )?))
    }

    /// The bucket by `STORAGE_URL`; in development a folder of recordings in the data folder.
    pub fn open_bucket(&self) -> Result<Bucket, ConfigError> {
        let url = match (&self.storage_url, self.environment) {
            (Some(url), _) => url.clone(),
            (None, Environment::Development) => {
                let folder = std::path::absolute(self.data_dir.join("recordings"))
                    .map_err(|error| invalid("DATA_DIR", error.to_string()))?;
                Url::from_file_path(folder)
                    .map_err(|()| invalid("DATA_DIR", "is not a usable path"))?
                    .to_string()
            }
            (None, Environment::Production) => return Err(ConfigError::Missing("STORAGE_URL")),
        };
        let public_url = match &self.public_url {
            Some(public_url) => public_url.clone(),
            None if url.starts_with("file:") && self.environment == Environment::Production => {
                return Err(ConfigError::Missing("PUBLIC_URL"));
            }
            None => format!("http://127.0.0.1:{}", self.port),
        };
        let secret = derive_secret(&self.secret_key()?, "object-url");
        Ok(Bucket::open(&url, LocalSigning { public_url, secret })?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let get = |name: &str| {
            variables
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| (*value).to_owned())
        };
        Config::read(get, Environment::Production)
    }

    #[test]
    fn production_refuses_to_start_without_a_secret_or_with_a_known_one() {
        assert!(matches!(
            config(&[]).unwrap().access_tokens(),
            Err(ConfigError::Missing("SECRET_KEY"))
        ));
        for weak in [DEVELOPMENT_SECRET, "short"] {
            assert!(
                config(&[("SECRET_KEY", weak)])
                    .unwrap()
                    .access_tokens()
                    .is_err(),
                "{weak}"
            );
        }
        assert!(
            config(&[("SECRET_KEY", "0123456789abcdef0123456789abcdef")])
                .unwrap()
                .access_tokens()
                .is_ok()
        );
    }

    #[test]
    fn production_refuses_the_demo_key() {
        for name in ["API_KEYS", "SERVICE_KEYS"] {
            let refused = config(&[(name, "good-key, hackathon_demo_key_2026")])
                .unwrap()
                .api_keys();
            assert!(refused.is_err(), "{name}");
        }
        assert!(
            config(&[("ENVIRONMENT", "development")])
                .unwrap()
                .api_keys()
                .is_ok()
        );
    }

    #[test]
    fn a_wrong_value_is_named() {
        for (name, value) in [
            ("ENVIRONMENT", "staging"),
            ("PORT", "eighty"),
            ("EVENT_AUTH", "none"),
            ("DETECT_EVENTS_URL", "not an url"),
        ] {
            let error = config(&[(name, value)]).unwrap_err().to_string();
            assert!(error.starts_with(name), "{error}");
        }
    }
}
