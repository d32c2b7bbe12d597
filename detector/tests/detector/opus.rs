//! Opus is decoded by another decoder than the rest: held against libopus, packet mode by packet mode.

use crate::fixtures::{ffmpeg, human_wav, likeness, samples_of, spoken_wav};

/// Encoder settings that reach each of the codec's modes: SILK for narrow and wide band, hybrid, CELT.
const VOICE_NOTES: &[(&str, &[&str])] = &[
    (
        "SILK, 8 kHz, mono",
        &[
            "-ar",
            "8000",
            "-ac",
            "1",
            "-b:a",
            "10k",
            "-application",
            "voip",
        ],
    ),
    (
        "SILK, 16 kHz, mono",
        &[
            "-ar",
            "16000",
            "-ac",
            "1",
            "-b:a",
            "16k",
            "-application",
            "voip",
        ],
    ),
    (
        "SILK, 60 ms frames",
        &[
            "-ar",
            "16000",
            "-ac",
            "1",
            "-b:a",
            "14k",
            "-application",
            "voip",
            "-frame_duration",
            "60",
        ],
    ),
    (
        "SILK, stereo",
        &[
            "-ar",
            "16000",
            "-ac",
            "2",
            "-b:a",
            "20k",
            "-application",
            "voip",
        ],
    ),
    (
        "hybrid, 48 kHz, mono",
        &[
            "-ar",
            "48000",
            "-ac",
            "1",
            "-b:a",
            "32k",
            "-application",
            "voip",
        ],
    ),
    (
        "hybrid, 48 kHz, stereo",
        &[
            "-ar",
            "48000",
            "-ac",
            "2",
            "-b:a",
            "40k",
            "-application",
            "voip",
        ],
    ),
    (
        "CELT, 48 kHz, mono",
        &[
            "-ar",
            "48000",
            "-ac",
            "1",
            "-b:a",
            "64k",
            "-application",
            "lowdelay",
        ],
    ),
    (
        "CELT, 48 kHz, stereo",
        &[
            "-ar",
            "48000",
            "-ac",
            "2",
            "-b:a",
            "96k",
            "-application",
            "audio",
        ],
    ),
    (
        "CELT, 10 ms frames",
        &[
            "-ar",
            "48000",
            "-ac",
            "1",
            "-b:a",
            "64k",
            "-application",
            "lowdelay",
            "-frame_duration",
            "10",
        ],
    ),
    (
        "whatever the encoder chooses",
        &["-ar", "48000", "-ac", "1", "-b:a", "24k"],
    ),
];

fn matches_libopus(source: &[u8]) {
    for (name, settings) in VOICE_NOTES {
        let options = [settings, &["-c:a", "libopus", "-f", "ogg"][..]].concat();
        let note = ffmpeg(source, &[], &options);
        let reference = ffmpeg(
            &note,
            &["-c:a", "libopus"],
            &["-c:a", "pcm_f32le", "-f", "wav"],
        );
        let (ours, theirs) = (samples_of(&note), samples_of(&reference));
        let same = likeness(&theirs, &ours, 400);
        assert_eq!(same.delay, 0, "{name}: correlation {}", same.correlation);
        assert!(
            same.correlation > 0.999,
            "{name}: correlation {}",
            same.correlation
        );
        assert!(
            ours.len().abs_diff(theirs.len()) <= 320,
            "{name}: {} and {}",
            ours.len(),
            theirs.len()
        );
    }
}

#[test]
fn every_mode_sounds_as_libopus_decodes_it() {
    matches_libopus(spoken_wav());
}

#[test]
fn human_voice_notes_sound_as_libopus_decodes_them() {
    matches_libopus(&human_wav());
}

#[test]
fn webm_starts_where_ogg_does() {
    let note = ffmpeg(
        spoken_wav(),
        &[],
        &["-c:a", "libopus", "-b:a", "32k", "-f", "ogg"],
    );
    let remuxed = ffmpeg(&note, &[], &["-c:a", "copy", "-f", "webm"]);
    let same = likeness(&samples_of(&note), &samples_of(&remuxed), 400);
    assert_eq!(same.delay, 0);
    assert!(same.correlation > 0.9999, "{}", same.correlation);
}
