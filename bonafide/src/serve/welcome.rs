//! What a person at the terminal reads when the service is ready.

use std::fmt::Write;
use std::path::Path;

use bonafide_core::config::{Config, DEMO_API_KEY, Environment};

/// A short block of lines. Tells the demo key, which everybody knows, and no other.
pub(super) fn text(
    config: &Config,
    url: &str,
    bucket: &str,
    environment: impl Fn(&str) -> Option<String>,
) -> String {
    let is_set = |name: &str| environment(name).is_some_and(|value| !value.trim().is_empty());
    let mut lines = vec![("Documentation", format!("{url}/docs"))];
    if config.environment == Environment::Development && !is_set("API_KEYS") {
        lines.push(("Demo API key", format!("{DEMO_API_KEY} (header x-api-key)")));
    }
    let accounts = if config.uses_embedded_store() {
        shown(&config.data_dir)
    } else {
        "MongoDB".to_owned()
    };
    let recordings = if is_set("STORAGE_URL") {
        format!("bucket {bucket}")
    } else {
        shown(&config.data_dir.join(bucket))
    };
    lines.extend([
        ("Accounts", accounts),
        ("Recordings", recordings),
        ("Stop", "Ctrl-C".to_owned()),
    ]);

    let mut text = format!("Bonafide {} is ready: {url}\n\n", env!("CARGO_PKG_VERSION"));
    for (name, value) in lines {
        // Writing to a string does not fail.
        let _ = writeln!(text, "  {name:<15}{value}");
    }
    text.push('\n');
    text
}

fn shown(folder: &Path) -> String {
    std::path::absolute(folder)
        .unwrap_or_else(|_| folder.to_owned())
        .display()
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn welcome(variables: &[(&str, &str)]) -> String {
        let get = |name: &str| {
            variables
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| (*value).to_owned())
        };
        let config = Config::read(get, Environment::Development).unwrap();
        text(&config, "http://127.0.0.1:8000", "recordings", get)
    }

    #[test]
    fn a_newcomer_reads_where_everything_is() {
        let text = welcome(&[("DATA_DIR", "/somewhere")]);
        for part in [
            "http://127.0.0.1:8000/docs",
            DEMO_API_KEY,
            "  /somewhere\n",
            "  /somewhere/recordings\n",
        ] {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
    }

    #[test]
    fn keys_and_secrets_stay_unsaid() {
        let secrets = [
            ("API_KEYS", "partner-key-1"),
            ("SECRET_KEY", "secret-key-1"),
            ("MONGODB_URI", "mongodb://user:password-1@host/"),
            ("STORAGE_URL", "s3://somewhere"),
        ];
        let text = welcome(&secrets);
        for secret in ["partner-key-1", "secret-key-1", "password-1", DEMO_API_KEY] {
            assert!(!text.contains(secret), "{text}");
        }
    }
}
