//! Outside development nothing starts with a secret or a key that everybody knows.

use std::process::Output;

use crate::api::{DEMO_KEY, SECRET};
use crate::process::{BONAFIDE, command, ended, free_port, function_program, mongodb_uri};

/// What a function needs in production, with one variable changed.
fn start(function: &str, changed: (&str, Option<&str>)) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let mut starting = command(function_program(function));
    starting.envs([
        ("PORT", free_port().to_string().as_str()),
        ("MONGODB_URI", &mongodb_uri()),
        ("MONGODB_DATABASE", "bonafide_test_production"),
        (
            "STORAGE_URL",
            &format!("file://{}", folder.path().display()),
        ),
        ("PUBLIC_URL", "http://127.0.0.1:1"),
        ("DETECT_EVENTS_URL", "http://127.0.0.1:1/events"),
        ("EVENT_TOKEN", "a token"),
        ("SECRET_KEY", SECRET),
        ("API_KEYS", "a key"),
        ("SERVICE_KEYS", "another key"),
    ]);
    match changed {
        (name, Some(value)) => starting.env(name, value),
        (name, None) => starting.env_remove(name),
    };
    ended(starting)
}

fn refuses(output: &Output, variable: &str) {
    assert!(
        !output.status.success(),
        "it started without a good {variable}"
    );
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(
        complained.contains(variable),
        "{variable} is not named in {complained}"
    );
    assert!(!complained.contains("panicked"), "{complained}");
}

#[test]
fn functions_refuse_to_start_without_a_secret_of_their_own() {
    let development_secret = "only-for-development-never-in-production";
    for function in ["token", "users", "upload", "detect"] {
        for secret in [None, Some(""), Some("short"), Some(development_secret)] {
            refuses(&start(function, ("SECRET_KEY", secret)), "SECRET_KEY");
        }
    }
}

#[test]
fn functions_refuse_to_start_with_the_key_of_the_demo() {
    refuses(&start("detect", ("API_KEYS", Some(DEMO_KEY))), "API_KEYS");
    refuses(
        &start(
            "detect",
            ("SERVICE_KEYS", Some(&format!("good-one, {DEMO_KEY}"))),
        ),
        "SERVICE_KEYS",
    );
}

#[test]
fn functions_refuse_to_start_without_their_places() {
    refuses(&start("token", ("MONGODB_URI", None)), "MONGODB_URI");
    refuses(&start("users", ("MONGODB_URI", None)), "MONGODB_URI");
    refuses(&start("upload", ("STORAGE_URL", None)), "STORAGE_URL");
    refuses(&start("detect", ("STORAGE_URL", None)), "STORAGE_URL");
    refuses(&start("upload", ("PUBLIC_URL", None)), "PUBLIC_URL");
}

#[test]
fn the_whole_service_in_production_has_no_defaults_either() {
    let folder = tempfile::tempdir().unwrap();
    let serve = |variables: &[(&str, &str)]| {
        let mut starting = command(BONAFIDE);
        starting
            .args(["serve", "--host", "127.0.0.1", "--port", "0"])
            .env("DATA_DIR", folder.path())
            .env("ENVIRONMENT", "production")
            .envs(variables.iter().copied());
        ended(starting)
    };
    let folder_url = format!("file://{}", folder.path().join("recordings").display());
    let storage = ("STORAGE_URL", folder_url.as_str());
    refuses(&serve(&[("SECRET_KEY", SECRET)]), "STORAGE_URL");
    refuses(&serve(&[storage]), "SECRET_KEY");
    refuses(&serve(&[storage, ("SECRET_KEY", "short")]), "SECRET_KEY");
    let with_secret = [storage, ("SECRET_KEY", SECRET), ("API_KEYS", DEMO_KEY)];
    refuses(&serve(&with_secret), "API_KEYS");
}

#[test]
fn a_secret_is_never_repeated_in_a_complaint() {
    let output = start("token", ("SECRET_KEY", Some("hunter2-is-short")));
    refuses(&output, "SECRET_KEY");
    assert!(!String::from_utf8_lossy(&output.stderr).contains("hunter2"));
}
