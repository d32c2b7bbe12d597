//! `bonafide detect`: recordings in, verdicts out, no server.

use std::io::Write;
use std::process::{Output, Stdio};

use serde_json::Value;

use crate::journey::{is_probability, number, text};
use crate::process::{BONAFIDE, bonafide, command};
use crate::recordings::{MP3, Recording, Speaker};

fn lines(output: &Output) -> Vec<Value> {
    let text = std::str::from_utf8(&output.stdout).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn printed(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn each_recording_gets_a_row_with_its_verdict() {
    let recordings = Speaker::ALL.map(Speaker::mp3);
    let paths = recordings.each_ref().map(Recording::path_text);
    let output = bonafide(&["detect", &paths[0], &paths[1], &paths[2]]);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let table = printed(&output);
    for path in paths {
        let row = table
            .lines()
            .find(|line| line.contains(&path))
            .unwrap_or_else(|| panic!("{path} is not in\n{table}"));
        assert!(row.contains("spoof") || row.contains("bona fide"), "{row}");
        assert!(row.contains('%'), "{row}");
    }
}

#[test]
fn json_has_one_object_per_line_in_the_order_of_the_arguments() {
    let recordings = Speaker::ALL.map(Speaker::mp3);
    let mut arguments = vec!["detect".to_owned(), "--json".to_owned()];
    arguments.extend(recordings.iter().map(Recording::path_text));
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let output = bonafide(&arguments);
    assert_eq!(output.status.code(), Some(0));
    let lines = lines(&output);
    assert_eq!(lines.len(), recordings.len());
    for (line, recording) in lines.iter().zip(&recordings) {
        assert_eq!(text(&line["file"]), recording.path_text());
        is_probability(&line["score"]);
        is_probability(&line["confidence"]);
        assert!(["spoof", "bona_fide"].contains(&text(&line["verdict"])));
        assert!(number(&line["audio"]["seconds"]) > 5.0, "{line}");
        assert!(!line["segments"].as_array().unwrap().is_empty());
        assert_eq!(text(&line["model"]["sha256"]).len(), 64);
    }
}

#[test]
fn a_recording_that_cannot_be_analysed_is_reported_and_the_rest_goes_on() {
    let broken = Recording::of_bytes(
        "broken.mp3",
        MP3.content_type,
        "no sound at all ".repeat(100),
    );
    let good = Speaker::Human.mp3();
    let arguments = [
        "detect",
        "--json",
        &broken.path_text(),
        "/nowhere/at/all.mp3",
        &good.path_text(),
    ];
    let output = bonafide(&arguments);
    assert_eq!(output.status.code(), Some(1));
    let lines = lines(&output);
    assert_eq!(lines[0]["error"]["code"], "unsupported_audio");
    assert_eq!(lines[1]["error"]["code"], "unreadable_file");
    is_probability(&lines[2]["score"]);

    let output = bonafide(&["detect", &broken.path_text(), &good.path_text()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        printed(&output).contains("unsupported_audio"),
        "{}",
        printed(&output)
    );
}

#[test]
fn a_recording_can_come_through_standard_input() {
    let recording = Speaker::Flite.mp3();
    let mut child = command(BONAFIDE)
        .args(["detect", "--json", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(&recording.bytes)
        .unwrap();
    let piped = lines(&child.wait_with_output().unwrap());
    let read = lines(&bonafide(&["detect", "--json", &recording.path_text()]));
    assert_eq!(piped[0]["score"], read[0]["score"]);
    assert_eq!(piped[0]["file"], "-");
}

#[test]
fn wrong_usage_is_told_apart_from_bad_recordings() {
    for arguments in [
        &["detect"][..],
        &["detect", "--no-such-option", "a.mp3"],
        &["no-such-command"],
        &[],
    ] {
        assert_eq!(bonafide(arguments).status.code(), Some(2), "{arguments:?}");
    }
    let help = bonafide(&["--help"]);
    assert_eq!(help.status.code(), Some(0));
    for command in ["serve", "detect", "evaluate", "openapi"] {
        assert!(printed(&help).contains(command), "{command}");
    }
}
