//! Recordings made by code, so that no test needs a file.

use std::f32::consts::TAU;

const RATE: u32 = 16_000;

/// Mono 16-bit WAV of samples between -1 and 1.
pub(crate) fn wav(samples: impl IntoIterator<Item = f32>) -> Vec<u8> {
    let data: Vec<u8> = samples
        .into_iter()
        .flat_map(|sample| ((sample.clamp(-1.0, 1.0) * 32_767.0) as i16).to_le_bytes())
        .collect();
    let length = data.len() as u32;
    let mut file = Vec::with_capacity(data.len() + 44);
    file.extend_from_slice(b"RIFF");
    file.extend_from_slice(&(36 + length).to_le_bytes());
    file.extend_from_slice(b"WAVEfmt ");
    file.extend_from_slice(&16_u32.to_le_bytes());
    file.extend_from_slice(&1_u16.to_le_bytes());
    file.extend_from_slice(&1_u16.to_le_bytes());
    file.extend_from_slice(&RATE.to_le_bytes());
    file.extend_from_slice(&(RATE * 2).to_le_bytes());
    file.extend_from_slice(&2_u16.to_le_bytes());
    file.extend_from_slice(&16_u16.to_le_bytes());
    file.extend_from_slice(b"data");
    file.extend_from_slice(&length.to_le_bytes());
    file.extend_from_slice(&data);
    file
}

/// Something like speech: a gliding pitch with formants, in syllables of a quarter of a second with pauses.
pub(crate) fn voice(seconds: f32) -> Vec<u8> {
    let mut phase = 0.0_f32;
    wav((0..(seconds * RATE as f32) as u32).map(|n| {
        let time = n as f32 / RATE as f32;
        let pitch = 130.0 + 25.0 * (TAU * 0.7 * time).sin() + 3.0 * (TAU * 5.0 * time).sin();
        phase = (phase + pitch / RATE as f32).fract();
        let open = 500.0 + 250.0 * (TAU * 1.3 * time).sin();
        let harmonics: f32 = (1..=24)
            .map(|harmonic| {
                let frequency = harmonic as f32 * pitch;
                let gain = [open, 1500.0, 2500.0]
                    .iter()
                    .map(|formant| 1.0 / (1.0 + ((frequency - formant) / 120.0).powi(2)))
                    .sum::<f32>();
                gain * (TAU * phase * harmonic as f32).sin()
            })
            .sum();
        let syllable = (TAU * 2.0 * time).sin().max(0.0).sqrt();
        0.2 * syllable * harmonics
    }))
}

pub(crate) fn silence(seconds: f32) -> Vec<u8> {
    wav(std::iter::repeat_n(0.0, (seconds * RATE as f32) as usize))
}

/// Silence as FLAC with constant subframes: about 11 bytes for half a second, written by the format's specification
/// (RFC 9639).
pub(crate) fn silent_flac(seconds: u32) -> Vec<u8> {
    const BLOCK: u32 = 4096;
    const FLAC_RATE: u32 = 8_000;
    let frames = (seconds * FLAC_RATE).div_ceil(BLOCK);
    let mut file = b"fLaC".to_vec();
    file.extend_from_slice(&[0x80, 0, 0, 34]);
    file.extend_from_slice(&(BLOCK as u16).to_be_bytes());
    file.extend_from_slice(&(BLOCK as u16).to_be_bytes());
    file.extend_from_slice(&[0; 6]);
    // 20 bits of rate, 3 of channels less one, 5 of bits less one, 36 of samples.
    let layout = u64::from(FLAC_RATE) << 44 | 15 << 36 | u64::from(frames * BLOCK);
    file.extend_from_slice(&layout.to_be_bytes());
    file.extend_from_slice(&[0; 16]);
    for number in 0..frames {
        // Fixed blocks of 4096 at 8 kHz, mono, 16 bits.
        let mut frame = vec![0xff, 0xf8, 0xc4, 0x08];
        let character = char::from_u32(number).unwrap();
        frame.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        frame.push(crc(&frame, 0x07, 8) as u8);
        frame.extend_from_slice(&[0, 0, 0]);
        let check = crc(&frame, 0x8005, 16) as u16;
        frame.extend_from_slice(&check.to_be_bytes());
        file.extend_from_slice(&frame);
    }
    file
}

fn crc(bytes: &[u8], polynomial: u32, width: u32) -> u32 {
    let top = 1 << (width - 1);
    let mask = (1_u32 << width) - 1;
    bytes.iter().fold(0, |remainder, byte| {
        (0..8).fold(
            remainder ^ (u32::from(*byte) << (width - 8)),
            |remainder: u32, _| {
                let shifted = remainder << 1;
                (if remainder & top == 0 {
                    shifted
                } else {
                    shifted ^ polynomial
                }) & mask
            },
        )
    })
}
