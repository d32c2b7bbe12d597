//! Damaged files of every format: an analysis or a typed error, and never a panic.

use std::sync::OnceLock;

use bonafide_detector::Limits;
use proptest::prelude::*;

use crate::fixtures::{detector, ffmpeg, spoken_wav};

/// Half a second of speech in each format.
fn seeds() -> &'static [Vec<u8>] {
    static SEEDS: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    SEEDS.get_or_init(|| {
        [
            &["-c:a", "pcm_s16le", "-f", "wav"][..],
            &["-c:a", "adpcm_ima_wav", "-f", "wav"],
            &["-c:a", "libmp3lame", "-b:a", "32k", "-f", "mp3"],
            &["-c:a", "flac", "-f", "flac"],
            &["-c:a", "aac", "-f", "mp4"],
            &["-c:a", "aac", "-f", "adts"],
            &["-c:a", "libvorbis", "-f", "ogg"],
            &[
                "-c:a",
                "libopus",
                "-b:a",
                "16k",
                "-application",
                "voip",
                "-f",
                "ogg",
            ],
            &["-c:a", "libopus", "-b:a", "64k", "-f", "webm"],
        ]
        .iter()
        .map(|options| ffmpeg(spoken_wav(), &["-t", "0.5"], options))
        .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_files_get_an_analysis_or_a_typed_error(
        seed in 0usize..9,
        // Headers sit at the start: half of the damage goes there.
        damage in prop::collection::vec((prop_oneof![0usize..200, 0usize..100_000], any::<u8>()), 1..12),
        cut in prop::option::of(0.0f64..1.0),
    ) {
        let mut file = seeds()[seed].clone();
        for (position, value) in damage {
            let position = position % file.len();
            file[position] = value;
        }
        if let Some(cut) = cut {
            file.truncate((cut * file.len() as f64) as usize);
        }
        // A mutated header may claim a long recording; ten seconds are enough to look at.
        let limits = Limits { max_seconds: 10.0, ..Limits::default() };
        match detector().analyze(&file, &limits) {
            Ok(analysis) => {
                prop_assert!((0.0..=1.0).contains(&analysis.score));
                prop_assert!(analysis.segments.iter().all(|segment| segment.start < segment.end));
                prop_assert!(analysis.audio.seconds <= 10.0);
            }
            Err(error) => prop_assert_ne!(error.code(), "model_failure"),
        }
    }

    #[test]
    fn random_bytes_behind_a_signature_get_an_analysis_or_a_typed_error(
        signature in prop::sample::select(vec![
            &b"RIFF\x00\x10\x00\x00WAVE"[..],
            b"fLaC",
            b"OggS\x00\x02",
            b"\x00\x00\x00\x20ftypM4A ",
            b"\x1a\x45\xdf\xa3",
            b"ID3\x04\x00\x00\x00\x00\x00\x05",
            b"\xff\xfb\x90\x00",
            b"\xff\xf1\x50\x80",
        ]),
        bytes in prop::collection::vec(any::<u8>(), 0..4_000),
    ) {
        let file = [signature, &bytes].concat();
        if let Err(error) = detector().analyze(&file, &Limits::default()) {
            prop_assert_ne!(error.code(), "model_failure");
        }
    }
}
