//! What is not a decodable recording within limits gets a typed error, in bounded time and memory.

use bonafide_detector::{Error, Limits, decode};

use crate::fixtures::{detector, ffmpeg, noise, samples_of, spoken_wav, voice, wav, wav_of};

fn code(bytes: &[u8]) -> &'static str {
    detector()
        .analyze(bytes, &Limits::default())
        .expect_err("it is refused")
        .code()
}

#[test]
fn nothing_is_refused_as_empty() {
    assert_eq!(code(&[]), "empty_audio");
}

#[test]
fn what_is_not_audio_is_refused_as_unsupported() {
    assert_eq!(code(b"%PDF-1.7 this is not audio"), "unsupported_audio");
    assert_eq!(code(b"{\"audio\": true}"), "unsupported_audio");
    assert_eq!(code(&[0; 100_000]), "unsupported_audio");
    assert_eq!(code(&[0xff; 100_000]), "unsupported_audio");
    let random: Vec<u8> = noise(12.5, 1.0).iter().map(|x| (x * 127.0) as u8).collect();
    assert_eq!(code(&random), "unsupported_audio");
}

#[test]
fn a_video_without_sound_is_refused_as_unsupported() {
    let video = ffmpeg(
        spoken_wav(),
        &[],
        &[
            "-f",
            "lavfi",
            "-i",
            "color=size=64x64:duration=1",
            "-map",
            "1:v",
            "-c:v",
            "mpeg4",
            "-f",
            "mp4",
        ],
    );
    assert_eq!(code(&video), "unsupported_audio");
}

#[test]
fn a_recording_over_the_byte_limit_is_refused_before_decoding() {
    let limits = Limits {
        max_bytes: 1_000,
        ..Limits::default()
    };
    let error = detector()
        .analyze(&[0; 1_001], &limits)
        .expect_err("it is refused");
    assert!(
        matches!(
            error,
            Error::TooLarge {
                bytes: 1_001,
                max_bytes: 1_000
            }
        ),
        "{error}"
    );
    assert_eq!(error.code(), "audio_too_large");
}

#[test]
fn a_recording_over_the_time_limit_is_refused() {
    let recording = wav(&voice(2.0, 0.5), 16_000, 1);
    let at_the_limit = Limits {
        max_seconds: 2.0,
        ..Limits::default()
    };
    assert!(decode(&recording, &at_the_limit).is_ok());
    let below = Limits {
        max_seconds: 1.9,
        ..Limits::default()
    };
    let error = decode(&recording, &below).expect_err("it is refused");
    assert_eq!(error.code(), "audio_too_long");
}

#[test]
fn hours_of_silence_in_a_tiny_file_are_refused_without_unpacking_them() {
    let silence = ffmpeg(
        spoken_wav(),
        &[],
        &[
            "-f",
            "lavfi",
            "-i",
            "anullsrc=r=8000:cl=mono:d=14400",
            "-map",
            "1:a",
            "-c:a",
            "flac",
            "-frame_size",
            "4608",
            "-f",
            "flac",
        ],
    );
    assert!(silence.len() < 1_000_000, "{} bytes", silence.len());
    let before = peak_memory_kib();
    assert_eq!(code(&silence), "audio_too_long");
    // Ten minutes at 16 kHz are 38 MB, and a growing vector may hold that twice; four hours would be 920 MB. Other
    // tests of this process allocate meanwhile, hence the margin.
    let grown = peak_memory_kib() - before;
    assert!(grown < 400_000, "{grown} KiB");
}

fn peak_memory_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux tells");
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM"))
        .expect("a peak");
    line.split_whitespace()
        .nth(1)
        .and_then(|number| number.parse().ok())
        .expect("a number")
}

#[test]
fn a_truncated_file_is_decoded_as_far_as_it_goes() {
    for options in [
        &["-c:a", "libmp3lame", "-f", "mp3"][..],
        &["-c:a", "flac", "-f", "flac"],
        &["-c:a", "libvorbis", "-f", "ogg"],
        &["-c:a", "libopus", "-f", "ogg"],
        &["-c:a", "libopus", "-f", "webm"],
        &["-c:a", "aac", "-movflags", "+faststart", "-f", "mp4"],
        &["-c:a", "aac", "-f", "adts"],
        &["-c:a", "pcm_s16le", "-f", "wav"],
    ] {
        let whole = ffmpeg(spoken_wav(), &[], options);
        let whole_seconds = samples_of(&whole).len() as f64 / 16_000.0;
        let half = decode(&whole[..whole.len() / 2], &Limits::default())
            .unwrap_or_else(|error| panic!("half of {options:?}: {error}"));
        let share = half.seconds / whole_seconds;
        assert!(
            (0.25..0.75).contains(&share),
            "half of {options:?} gives {share} of the time"
        );
    }
}

#[test]
fn a_file_cut_off_in_its_header_is_refused() {
    for options in [
        &["-c:a", "flac", "-f", "flac"][..],
        &["-c:a", "libopus", "-f", "ogg"],
        &["-c:a", "libopus", "-f", "webm"],
        &["-c:a", "aac", "-f", "mp4"],
        &["-c:a", "pcm_s16le", "-f", "wav"],
    ] {
        let whole = ffmpeg(spoken_wav(), &[], options);
        let error = decode(&whole[..40], &Limits::default()).expect_err("it is refused");
        assert!(
            ["undecodable_audio", "unsupported_audio"].contains(&error.code()),
            "{options:?}: {error}"
        );
    }
}

#[test]
fn a_damaged_stretch_in_the_middle_is_skipped() {
    let mut mp3 = ffmpeg(
        spoken_wav(),
        &[],
        &["-c:a", "libmp3lame", "-b:a", "64k", "-f", "mp3"],
    );
    let whole = samples_of(&mp3).len();
    let middle = mp3.len() / 2;
    mp3[middle..middle + 2_000].fill(0x55);
    let left = samples_of(&mp3).len();
    assert!(left > whole * 9 / 10, "{left} of {whole} samples");
}

#[test]
fn a_wav_header_that_lies_is_refused() {
    let data = vec![0u8; 64_000];
    for (what, header) in [
        ("no channels", wav_of(1, 16_000, 0, 16, &data)),
        ("65,535 channels", wav_of(1, 16_000, 65_535, 16, &data)),
        ("0 Hz", wav_of(1, 0, 1, 16, &data)),
        ("4 GHz", wav_of(1, 4_000_000_000, 1, 16, &data)),
        ("no bits", wav_of(1, 16_000, 1, 0, &data)),
        ("an unknown codec", wav_of(0x7777, 16_000, 1, 16, &data)),
    ] {
        let error = decode(&header, &Limits::default()).expect_err(what);
        assert!(
            ["undecodable_audio", "unsupported_audio"].contains(&error.code()),
            "{what}: {error}"
        );
    }
}

#[test]
fn samples_that_are_not_numbers_become_silence() {
    let mut samples = voice(1.0, 0.5);
    samples[5_000] = f32::NAN;
    samples[6_000] = f32::INFINITY;
    samples[7_000] = 1e30;
    let data: Vec<u8> = samples
        .iter()
        .flat_map(|sample| sample.to_le_bytes())
        .collect();
    let heard = samples_of(&wav_of(3, 16_000, 1, 32, &data));
    assert_eq!((heard[5_000], heard[6_000]), (0.0, 0.0));
    assert!(
        heard
            .iter()
            .all(|sample| sample.is_finite() && sample.abs() <= 8.0)
    );
}
