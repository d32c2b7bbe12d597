//! A tiny ONNX file, written field by field (<https://github.com/onnx/onnx/blob/main/onnx/onnx.proto>), so that scores can be
//! predicted: its logit is `gain * mean(|waveform|) + bias`.

use std::path::PathBuf;

use bonafide_detector::{Detector, ModelError};
use sha2::{Digest, Sha256};

/// What the files of a model say; each field can be made wrong.
pub(crate) struct TestModel {
    pub gain: f32,
    pub bias: f32,
    pub window_samples: usize,
    pub hop_samples: usize,
    pub input_name: &'static str,
    /// The reduction from the waveform to one value.
    pub reduction: &'static str,
    /// Axes it reduces over: over axis 1 the output is one value, over none of them it is not.
    pub keep_time: bool,
    pub threshold: f64,
    pub scale: f64,
    pub offset: f64,
    /// Replaces the hash in the manifest.
    pub sha256: Option<String>,
    /// Replaces the input shape in the manifest.
    pub input_shape: Option<&'static str>,
    pub sample_rate_hz: u32,
}

impl Default for TestModel {
    fn default() -> Self {
        Self {
            gain: 1.0,
            bias: 0.0,
            window_samples: 64_000,
            hop_samples: 32_000,
            input_name: "waveform",
            reduction: "ReduceMean",
            keep_time: false,
            threshold: 0.5,
            scale: 1.0,
            offset: 0.0,
            sha256: None,
            input_shape: None,
            sample_rate_hz: 16_000,
        }
    }
}

impl TestModel {
    /// Writes the files and loads them.
    pub(crate) fn load(&self) -> Result<Detector, ModelError> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (onnx, manifest) = self.write(folder.path());
        Detector::from_files(&onnx, &manifest)
    }

    pub(crate) fn write(&self, folder: &std::path::Path) -> (PathBuf, PathBuf) {
        let graph = self.graph();
        let hash = hex::encode(Sha256::digest(&graph));
        let window = self.window_samples;
        let manifest = format!(
            r#"{{"name":"test","version":"1.2.3","file":"test.onnx","sha256":"{}","licence":"MIT",
            "sample_rate_hz":{},"window_samples":{window},"hop_samples":{},
            "input":{{"name":"waveform","shape":{}}},"output":{{"name":"logit","shape":[1]}},
            "calibration":{{"scale":{},"offset":{}}},"thresholds":{{"spoof_probability":{}}}}}"#,
            self.sha256.as_ref().unwrap_or(&hash),
            self.sample_rate_hz,
            self.hop_samples,
            self.input_shape
                .map_or_else(|| format!("[1,{window}]"), str::to_owned),
            self.scale,
            self.offset,
            self.threshold,
        );
        let (onnx_path, manifest_path) = (folder.join("test.onnx"), folder.join("manifest.json"));
        std::fs::write(&onnx_path, graph).expect("the model is written");
        std::fs::write(&manifest_path, manifest).expect("the manifest is written");
        (onnx_path, manifest_path)
    }

    fn graph(&self) -> Vec<u8> {
        let axes = if self.keep_time { 0 } else { 1 };
        let nodes = [
            node("Abs", &[self.input_name], "magnitude", &[]),
            node(
                self.reduction,
                &["magnitude"],
                "mean",
                &[ints("axes", &[axes]), int("keepdims", 0)],
            ),
            node("Mul", &["mean", "gain"], "scaled", &[]),
            node("Add", &["scaled", "bias"], "logit", &[]),
        ];
        let mut graph = Vec::new();
        for node in nodes {
            bytes(&mut graph, 1, &node);
        }
        bytes(&mut graph, 2, b"test");
        for (name, value) in [("gain", self.gain), ("bias", self.bias)] {
            let mut initializer = Vec::new();
            varint_field(&mut initializer, 1, 1);
            varint_field(&mut initializer, 2, 1);
            bytes(&mut initializer, 8, name.as_bytes());
            bytes(&mut initializer, 9, &value.to_le_bytes());
            bytes(&mut graph, 5, &initializer);
        }
        bytes(
            &mut graph,
            11,
            &value_info(self.input_name, &[1, self.window_samples as u64]),
        );
        bytes(&mut graph, 12, &value_info("logit", &[1]));
        let mut opset = Vec::new();
        varint_field(&mut opset, 2, 13);
        let mut model = Vec::new();
        varint_field(&mut model, 1, 8);
        bytes(&mut model, 7, &graph);
        bytes(&mut model, 8, &opset);
        model
    }
}

fn node(operator: &str, inputs: &[&str], output: &str, attributes: &[Vec<u8>]) -> Vec<u8> {
    let mut node = Vec::new();
    for input in inputs {
        bytes(&mut node, 1, input.as_bytes());
    }
    bytes(&mut node, 2, output.as_bytes());
    bytes(&mut node, 3, output.as_bytes());
    bytes(&mut node, 4, operator.as_bytes());
    for attribute in attributes {
        bytes(&mut node, 5, attribute);
    }
    node
}

fn int(name: &str, value: u64) -> Vec<u8> {
    let mut attribute = Vec::new();
    bytes(&mut attribute, 1, name.as_bytes());
    varint_field(&mut attribute, 3, value);
    varint_field(&mut attribute, 20, 2);
    attribute
}

fn ints(name: &str, values: &[u64]) -> Vec<u8> {
    let mut attribute = Vec::new();
    bytes(&mut attribute, 1, name.as_bytes());
    for &value in values {
        varint_field(&mut attribute, 8, value);
    }
    varint_field(&mut attribute, 20, 7);
    attribute
}

fn value_info(name: &str, shape: &[u64]) -> Vec<u8> {
    let mut dimensions = Vec::new();
    for &length in shape {
        let mut dimension = Vec::new();
        varint_field(&mut dimension, 1, length);
        bytes(&mut dimensions, 1, &dimension);
    }
    let mut tensor = Vec::new();
    varint_field(&mut tensor, 1, 1);
    bytes(&mut tensor, 2, &dimensions);
    let mut kind = Vec::new();
    bytes(&mut kind, 1, &tensor);
    let mut info = Vec::new();
    bytes(&mut info, 1, name.as_bytes());
    bytes(&mut info, 2, &kind);
    info
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn varint_field(out: &mut Vec<u8>, field: u64, value: u64) {
    varint(out, field << 3);
    varint(out, value);
}

fn bytes(out: &mut Vec<u8>, field: u64, value: &[u8]) {
    varint(out, (field << 3) | 2);
    varint(out, value.len() as u64);
    out.extend_from_slice(value);
}
