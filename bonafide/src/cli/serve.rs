//! `bonafide serve`: which configuration the service starts with.

use std::path::PathBuf;
use std::process::ExitCode;

use bonafide_core::config::{Config, ConfigError, Environment};
use clap::Args;

use crate::serve;

const DEFAULT_PORT: &str = "8000";

/// Run the whole service in this process: accounts, uploads, detection, documentation.
///
/// Needs nothing: accounts and detections are kept in one file of the data folder and recordings beside it, unless
/// MONGODB_URI and STORAGE_URL say otherwise. Every variable of .env.example is honoured; options win over variables.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Address to listen on [env: HOST] [default: 127.0.0.1, in production 0.0.0.0]
    #[arg(long, value_name = "ADDRESS")]
    host: Option<String>,
    /// Port to listen on; 0 takes a free one [env: PORT] [default: 8000]
    #[arg(long, value_name = "NUMBER")]
    port: Option<u16>,
    /// Folder of what is kept on this machine; made where it is missing [env: DATA_DIR] [default: data]
    #[arg(long, value_name = "PATH")]
    data_dir: Option<PathBuf>,
}

pub(super) fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let config = config(arguments, |name| std::env::var(name).ok())?;
    serve::run(config)?;
    Ok(ExitCode::SUCCESS)
}

fn config(
    arguments: Arguments,
    environment: impl Fn(&str) -> Option<String>,
) -> Result<Config, ConfigError> {
    let Arguments {
        host,
        port,
        data_dir,
    } = arguments;
    let variable = |name: &str| environment(name).filter(|value| !value.trim().is_empty());
    let lookup = |name: &str| match name {
        "HOST" => host.clone().or_else(|| variable(name)),
        "PORT" => port
            .map(|port| port.to_string())
            .or_else(|| variable(name))
            .or_else(|| Some(DEFAULT_PORT.to_owned())),
        _ => variable(name),
    };
    let mut config = Config::read(lookup, Environment::Development)?;
    // A laptop's network is not to be trusted, a server's is what it is there for.
    if lookup("HOST").is_none() && config.environment == Environment::Development {
        config.host = "127.0.0.1".to_owned();
    }
    if let Some(data_dir) = data_dir {
        config.data_dir = data_dir;
    }
    Ok(config)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn configured(arguments: Arguments, variables: &[(&str, &str)]) -> (String, u16, PathBuf) {
        let get = |name: &str| {
            variables
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| (*value).to_owned())
        };
        let config = config(arguments, get).unwrap();
        (config.host, config.port, config.data_dir)
    }

    fn nothing() -> Arguments {
        Arguments {
            host: None,
            port: None,
            data_dir: None,
        }
    }

    #[test]
    fn options_win_over_variables_and_variables_over_defaults() {
        assert_eq!(
            configured(nothing(), &[]),
            ("127.0.0.1".to_owned(), 8000, "data".into())
        );
        let variables = [("HOST", "10.0.0.1"), ("PORT", "81"), ("DATA_DIR", "there")];
        assert_eq!(
            configured(nothing(), &variables),
            ("10.0.0.1".to_owned(), 81, "there".into())
        );
        let options = Arguments {
            host: Some("::1".into()),
            port: Some(0),
            data_dir: Some(Path::new("here").to_owned()),
        };
        assert_eq!(
            configured(options, &variables),
            ("::1".to_owned(), 0, "here".into())
        );
    }

    #[test]
    fn only_production_listens_to_the_network_by_itself() {
        assert_eq!(
            configured(nothing(), &[("ENVIRONMENT", "production")]).0,
            "0.0.0.0"
        );
        assert_eq!(
            configured(nothing(), &[("ENVIRONMENT", "development"), ("HOST", " ")]).0,
            "127.0.0.1"
        );
    }
}
