//! The ONNX graph, run by tract.

use std::borrow::Cow;
use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};

use tract::prelude::*;

use crate::error::{Error, ModelError};
use crate::manifest::{Manifest, is_single_value};

/// An optimised graph, which any number of threads may run at once.
pub(crate) struct Network {
    runnable: Runnable,
    window_samples: usize,
}

impl Network {
    /// Parses, checks against the manifest, and optimises for its fixed shape.
    pub(crate) fn load(onnx: &[u8], manifest: &Manifest) -> Result<Self, ModelError> {
        // A graph with a construct that tract does not expect may panic in there; to the caller it is one more
        // model that cannot be run.
        catch_unwind(AssertUnwindSafe(|| Self::build(onnx, manifest))).unwrap_or_else(|_| {
            Err(ModelError::Unsupported(
                "the graph could not be analysed".to_owned(),
            ))
        })
    }

    fn build(onnx: &[u8], manifest: &Manifest) -> Result<Self, ModelError> {
        let mut graph = tract::onnx()
            .and_then(|onnx_reader| onnx_reader.load_buffer(onnx))
            .map_err(unsupported)?;
        let (inputs, outputs) = (
            graph.input_count().map_err(unsupported)?,
            graph.output_count().map_err(unsupported)?,
        );
        if (inputs, outputs) != (1, 1) {
            return Err(ModelError::Shape {
                what: "number of inputs and outputs",
                expected: "1 and 1".to_owned(),
                actual: format!("{inputs} and {outputs}"),
            });
        }
        let name = graph.input_name(0).map_err(unsupported)?;
        if name != manifest.input.name {
            return Err(ModelError::Shape {
                what: "input name",
                expected: manifest.input.name.clone(),
                actual: name,
            });
        }
        let expected = format!("1,{},f32", manifest.window_samples);
        let declared = graph.input_fact(0).map_err(unsupported)?.to_string();
        graph
            .set_input_fact(0, expected.as_str())
            .map_err(unsupported)?;
        let model = graph.into_model().map_err(|error| {
            ModelError::Unsupported(format!("{error:#} (declared input: {declared})"))
        })?;
        let runnable = model.into_runnable().map_err(unsupported)?;
        Self::check_output(&runnable)?;
        Ok(Self {
            runnable,
            window_samples: manifest.window_samples,
        })
    }

    fn check_output(runnable: &Runnable) -> Result<(), ModelError> {
        let fact = runnable.output_fact(0).map_err(unsupported)?;
        let dims = fact.dims().map_err(unsupported)?;
        let shape: Option<Vec<usize>> = dims
            .map(|dim| {
                dim.to_int64()
                    .ok()
                    .and_then(|dim| usize::try_from(dim).ok())
            })
            .collect();
        let is_float = fact.datum_type().map_err(unsupported)? == DatumType::F32;
        if is_float && shape.is_some_and(|shape| is_single_value(&shape)) {
            return Ok(());
        }
        Err(ModelError::Shape {
            what: "output",
            expected: "1,f32 or 1,1,f32".to_owned(),
            actual: fact.to_string(),
        })
    }

    /// The logits of windows of exactly the contract's length, in their order: positive speaks for spoof.
    ///
    /// Windows are independent, so they are shared out among the machine's cores: who waits for one recording waits
    /// less, and who sends many loses nothing but the start of a thread.
    pub(crate) fn logits(&self, windows: &[Cow<'_, [f32]>]) -> Result<Vec<f64>, Error> {
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        let share = windows.len().div_ceil(cores).max(1);
        let mut shares = windows.chunks(share);
        let first = shares.next().unwrap_or_default();
        std::thread::scope(|scope| {
            let others: Vec<_> = shares
                .map(|share| scope.spawn(|| self.run(share)))
                .collect();
            let mut logits = self.run(first)?;
            for other in others {
                let more = other
                    .join()
                    .map_err(|_| Error::Model("inference panicked".to_owned()))?;
                logits.extend(more?);
            }
            Ok(logits)
        })
    }

    /// Runs windows one after the other, in the same scratch memory.
    fn run(&self, windows: &[Cow<'_, [f32]>]) -> Result<Vec<f64>, Error> {
        let mut state = self.runnable.spawn_state().map_err(failure)?;
        windows
            .iter()
            .map(|window| self.logit(&mut state, window))
            .collect()
    }

    fn logit(&self, state: &mut State, window: &[f32]) -> Result<f64, Error> {
        let input = Tensor::from_slice(&[1, self.window_samples], window).map_err(failure)?;
        let outputs = state.run([input]).map_err(failure)?;
        let output = outputs
            .first()
            .ok_or_else(|| Error::Model("no output".to_owned()))?;
        match output.as_slice::<f32>().map_err(failure)?.first().copied() {
            Some(logit) if logit.is_finite() => Ok(f64::from(logit)),
            other => Err(Error::Model(format!("the logit is {other:?}"))),
        }
    }
}

fn unsupported(error: impl std::fmt::Display) -> ModelError {
    ModelError::Unsupported(format!("{error:#}"))
}

fn failure(error: impl std::fmt::Display) -> Error {
    Error::Model(format!("{error:#}"))
}
