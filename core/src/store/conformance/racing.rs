//! Many tasks that do the same thing at the same moment.

use std::sync::Arc;

use tokio::sync::Barrier;

/// How many race.
pub(super) const RACERS: usize = 16;

/// Starts [`RACERS`] tasks, lets them loose together and returns what each came to.
pub(super) async fn race<T, Running>(racer: impl Fn(usize) -> Running) -> Vec<T>
where
    T: Send + 'static,
    Running: Future<Output = T> + Send + 'static,
{
    let start = Arc::new(Barrier::new(RACERS));
    let racers: Vec<_> = (0..RACERS)
        .map(|number| {
            let start = Arc::clone(&start);
            let running = racer(number);
            tokio::spawn(async move {
                start.wait().await;
                running.await
            })
        })
        .collect();
    let mut results = Vec::with_capacity(RACERS);
    for racer in racers {
        results.push(racer.await.expect("a racer that comes home"));
    }
    results
}
