//! Every format decodes to the same speech, whatever the file is called.

use bonafide_detector::{Limits, decode};

use crate::fixtures::{ffmpeg, human_wav, likeness, noise, samples_of, spoken_wav, voice, wav};

/// ffmpeg's options for a format, and what decoding must say about it.
struct Format {
    name: &'static str,
    options: &'static [&'static str],
    container: &'static str,
    codec: &'static str,
    /// Correlation with the original that the codec at that bit rate keeps.
    correlation: f64,
}

const FORMATS: &[Format] = &[
    Format {
        name: "WAV, 24 bits, stereo at 44.1 kHz",
        options: &["-ar", "44100", "-ac", "2", "-c:a", "pcm_s24le", "-f", "wav"],
        container: "wav",
        codec: "pcm_s24le",
        correlation: 0.999,
    },
    Format {
        name: "WAV, floating point at 48 kHz",
        options: &["-ar", "48000", "-c:a", "pcm_f32le", "-f", "wav"],
        container: "wav",
        codec: "pcm_f32le",
        correlation: 0.999,
    },
    Format {
        name: "WAV, mu-law",
        options: &["-c:a", "pcm_mulaw", "-f", "wav"],
        container: "wav",
        codec: "pcm_mulaw",
        correlation: 0.99,
    },
    Format {
        name: "MP3, 128 kbit/s at 44.1 kHz",
        options: &[
            "-ar",
            "44100",
            "-c:a",
            "libmp3lame",
            "-b:a",
            "128k",
            "-f",
            "mp3",
        ],
        container: "mp3",
        codec: "mp3",
        correlation: 0.99,
    },
    Format {
        name: "MP3, variable rate, stereo",
        options: &["-ac", "2", "-c:a", "libmp3lame", "-q:a", "4", "-f", "mp3"],
        container: "mp3",
        codec: "mp3",
        correlation: 0.99,
    },
    Format {
        name: "MP3 at 16 kHz without tags",
        options: &[
            "-ar",
            "16000",
            "-c:a",
            "libmp3lame",
            "-b:a",
            "48k",
            "-write_xing",
            "0",
            "-id3v2_version",
            "0",
            "-f",
            "mp3",
        ],
        container: "mp3",
        codec: "mp3",
        correlation: 0.97,
    },
    Format {
        name: "FLAC",
        options: &["-c:a", "flac", "-f", "flac"],
        container: "flac",
        codec: "flac",
        correlation: 0.9999,
    },
    Format {
        name: "FLAC in Ogg",
        options: &["-c:a", "flac", "-f", "ogg"],
        container: "ogg",
        codec: "flac",
        correlation: 0.9999,
    },
    Format {
        name: "M4A",
        options: &["-ar", "44100", "-c:a", "aac", "-b:a", "96k", "-f", "ipod"],
        container: "mp4",
        codec: "aac",
        correlation: 0.96,
    },
    Format {
        name: "M4A for streaming, header first",
        options: &[
            "-ar",
            "44100",
            "-c:a",
            "aac",
            "-b:a",
            "96k",
            "-movflags",
            "+faststart",
            "-f",
            "mp4",
        ],
        container: "mp4",
        codec: "aac",
        correlation: 0.96,
    },
    Format {
        name: "raw AAC",
        options: &["-ar", "44100", "-c:a", "aac", "-b:a", "96k", "-f", "adts"],
        container: "adts",
        codec: "aac",
        correlation: 0.96,
    },
    Format {
        name: "Ogg Vorbis",
        options: &["-ac", "2", "-c:a", "libvorbis", "-q:a", "5", "-f", "ogg"],
        container: "ogg",
        codec: "vorbis",
        correlation: 0.96,
    },
    Format {
        name: "Ogg Opus",
        options: &["-c:a", "libopus", "-b:a", "48k", "-f", "ogg"],
        container: "ogg",
        codec: "opus",
        correlation: 0.95,
    },
    Format {
        name: "WebM Opus",
        options: &["-c:a", "libopus", "-b:a", "48k", "-f", "webm"],
        container: "webm",
        codec: "opus",
        correlation: 0.95,
    },
    Format {
        name: "Matroska with FLAC",
        options: &["-c:a", "flac", "-f", "matroska"],
        container: "matroska",
        codec: "flac",
        correlation: 0.9999,
    },
];

/// Encoder delay that a container does not state, plus the last incomplete block.
const MAX_EXTRA_SECONDS: f64 = 0.15;

#[test]
fn every_format_decodes_to_the_same_speech() {
    let original = samples_of(spoken_wav());
    for format in FORMATS {
        let encoded = ffmpeg(spoken_wav(), &[], format.options);
        let recording = decode(&encoded, &Limits::default())
            .unwrap_or_else(|error| panic!("{} does not decode: {error}", format.name));
        assert_eq!(recording.container, format.container, "{}", format.name);
        assert_eq!(recording.codec, format.codec, "{}", format.name);
        let seconds = original.len() as f64 / 16_000.0;
        assert!(
            (recording.seconds - seconds).abs() < MAX_EXTRA_SECONDS,
            "{}: {} s of {seconds} s",
            format.name,
            recording.seconds
        );
        let same = likeness(&original, &recording.samples, 2_400);
        assert!(
            same.correlation > format.correlation,
            "{}: correlation {} at {} samples",
            format.name,
            same.correlation,
            same.delay
        );
    }
}

#[test]
fn resampling_keeps_time_and_length() {
    let original = samples_of(spoken_wav());
    for rate in ["8000", "11025", "24000", "32000", "44100", "48000", "96000"] {
        let converted = samples_of(&ffmpeg(
            spoken_wav(),
            &[],
            &["-ar", rate, "-c:a", "pcm_f32le", "-f", "wav"],
        ));
        assert!(
            converted.len().abs_diff(original.len()) <= 2,
            "{rate} Hz: {} samples",
            converted.len()
        );
        let same = likeness(&original, &converted, 40);
        assert_eq!(same.delay, 0, "{rate} Hz");
        assert!(same.correlation > 0.9, "{rate} Hz: {}", same.correlation);
    }
}

#[test]
fn resampling_lets_nothing_fold_into_the_speech_band() {
    // 10 kHz is above what 16 kHz can hold, so nothing of it may be left.
    let tone: Vec<f32> = (0..48_000)
        .map(|n| (0.5 * (std::f64::consts::TAU * 10_000.0 * f64::from(n) / 48_000.0).sin()) as f32)
        .collect();
    let converted = samples_of(&wav(&tone, 48_000, 1));
    let steady = &converted[1_600..converted.len() - 1_600];
    let level = (steady.iter().map(|x| x * x).sum::<f32>() / steady.len() as f32).sqrt();
    assert!(level < 0.000_1, "{level}");
}

#[test]
fn channels_are_averaged() {
    let left = voice(1.0, 0.4);
    let right = noise(1.0, 0.1);
    let interleaved: Vec<f32> = left
        .iter()
        .zip(&right)
        .flat_map(|(&l, &r)| [l, r])
        .collect();
    let mixed = samples_of(&wav(&interleaved, 16_000, 2));
    for ((l, r), mono) in left.iter().zip(&right).zip(&mixed) {
        assert!((0.5 * (l + r) - mono).abs() < 1e-4);
    }
}

#[test]
fn a_tag_with_a_large_cover_does_not_hide_the_audio() {
    let mp3 = ffmpeg(
        spoken_wav(),
        &[],
        &["-c:a", "libmp3lame", "-id3v2_version", "0", "-f", "mp3"],
    );
    let mut tagged = b"ID3\x04\x00\x00\x00\x0c\x00\x00".to_vec();
    // 0x0c << 14 bytes, 192 KiB, full of sync words.
    tagged.extend(std::iter::repeat_n(0xffu8, 0x0c << 14));
    tagged.extend(&mp3);
    let recording = decode(&tagged, &Limits::default()).expect("the tag is skipped");
    assert_eq!(recording.samples, samples_of(&mp3));
}

#[test]
fn a_stream_of_unknown_length_decodes() {
    // What ffmpeg and voice recorders write to a pipe: lengths of 2^32 - 1.
    let mut streamed = wav(&voice(1.0, 0.5), 16_000, 1);
    streamed[4..8].fill(0xff);
    streamed[40..44].fill(0xff);
    let recording = decode(&streamed, &Limits::default()).expect("it decodes");
    assert_eq!(recording.samples.len(), 16_000);
}

#[test]
fn two_voice_notes_chained_in_one_file_are_both_heard() {
    let note = ffmpeg(
        spoken_wav(),
        &[],
        &["-c:a", "libopus", "-b:a", "24k", "-f", "ogg"],
    );
    let other = ffmpeg(
        &human_wav(),
        &["-t", "3"],
        &["-c:a", "libopus", "-b:a", "24k", "-f", "ogg"],
    );
    let chained = [note.clone(), other.clone()].concat();
    let recording = decode(&chained, &Limits::default()).expect("it decodes");
    let expected = samples_of(&note).len() + samples_of(&other).len();
    assert!(
        recording.samples.len().abs_diff(expected) < 800,
        "{} of {expected}",
        recording.samples.len()
    );
}
