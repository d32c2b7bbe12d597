//! Training and product agree: Python's pipeline and Rust's give the same score for the same audio.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::journey::{number, text};
use crate::process::bonafide;
use crate::recordings::{FLAC, Recording, Speaker, WAV};

/// What issue and model card promise.
const MOST_DIFFERENCE: f64 = 1e-3;

/// Recordings that take every turn of the pipeline: shorter than one window, several windows, pauses that are skipped,
/// silence that is cut off, loud and soft.
fn recordings() -> Vec<Recording> {
    let mut recordings = Vec::new();
    for speaker in Speaker::ALL {
        let speech = speaker.speech().to_str().unwrap();
        let make = |name: &str, format_content_type: &'static str, arguments: &[&str]| {
            let mut all = vec!["-i", speech];
            all.extend(arguments);
            Recording::made(name, format_content_type, &all)
        };
        recordings.push(speaker.recording(&WAV));
        recordings.push(speaker.recording(&FLAC));
        recordings.push(make("short.wav", WAV.content_type, &["-t", "2.6"]));
        recordings.push(make("one-window.flac", FLAC.content_type, &["-t", "4"]));
        recordings.push(make("soft.wav", WAV.content_type, &["-af", "volume=-20dB"]));
        let padded = "[0]atrim=0:3,asetpts=N/SR/TB,adelay=6000,apad=pad_dur=6[a];[0]atrim=3:9,asetpts=N/SR/TB,apad=pad_dur=5[b];[a][b]concat=n=2:v=0:a=1";
        recordings.push(make(
            "silences.wav",
            WAV.content_type,
            &["-filter_complex", padded],
        ));
        recordings.push(make(
            "long.flac",
            FLAC.content_type,
            &["-filter_complex", "aloop=loop=2:size=2e6"],
        ));
    }
    recordings
}

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

fn scores_of_python(paths: &[String]) -> Vec<Value> {
    let python = std::env::var("BONAFIDE_TEST_PYTHON").map_or_else(
        |_| project().join(".test-env/venv/bin/python"),
        PathBuf::from,
    );
    let output = Command::new(&python)
        .args(["-m", "training.pipeline", "--json"])
        .args(paths)
        .current_dir(project())
        .output()
        .unwrap_or_else(|error| {
            panic!(
                "{} cannot be started ({error}): ./test installs it",
                python.display()
            )
        });
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

fn scores_of_rust(paths: &[String]) -> Vec<Value> {
    let mut arguments = vec!["detect", "--json"];
    arguments.extend(paths.iter().map(String::as_str));
    let output = bonafide(&arguments);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    std::str::from_utf8(&output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn rust_and_python_give_the_same_score_on_the_same_audio() {
    let recordings = recordings();
    let paths: Vec<String> = recordings.iter().map(Recording::path_text).collect();
    let (python, rust) = (scores_of_python(&paths), scores_of_rust(&paths));
    assert_eq!((python.len(), rust.len()), (paths.len(), paths.len()));
    for ((python, rust), path) in python.iter().zip(&rust).zip(&paths) {
        assert_eq!(
            (text(&python["file"]), text(&rust["file"])),
            (path.as_str(), path.as_str())
        );
        let difference = (number(&python["probability"]) - number(&rust["score"])).abs();
        assert!(
            difference <= MOST_DIFFERENCE,
            "{path}: Python {}, Rust {}",
            python["probability"],
            rust["score"]
        );
        assert_eq!(
            number(&python["windows"]) as usize,
            rust["segments"].as_array().unwrap().len(),
            "{path}"
        );
    }
}
