//! Storage events within the process: delivered to the same handler, and with the same promises, as a cloud's.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use bonafide_core::events::StorageEvent;
use bonafide_detect::{EventHandler, Outcome};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

/// Takes events.
pub(super) type Sender = UnboundedSender<StorageEvent>;

/// Deliveries of one event before it is left to the reconcile run.
const ATTEMPTS: u32 = 8;

/// No pause between deliveries is longer, save where the handler asks for it.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// What deals with an event.
pub(super) trait Handle: Clone + Send + Sync + 'static {
    /// Deals with it once.
    fn handle(&self, event: &StorageEvent) -> impl Future<Output = Outcome> + Send;
}

impl Handle for EventHandler {
    async fn handle(&self, event: &StorageEvent) -> Outcome {
        Self::handle(self, event).await
    }
}

/// Delivers events, a few at once.
pub(super) struct Queue<H> {
    handler: H,
    workers: Arc<Semaphore>,
    stopping: watch::Receiver<bool>,
}

impl<H: Handle> Queue<H> {
    /// As many deliveries at once as the machine has cores. Ends when `stopping` becomes true.
    pub(super) fn new(handler: H, stopping: watch::Receiver<bool>) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self::with_workers(handler, stopping, cores)
    }

    fn with_workers(handler: H, stopping: watch::Receiver<bool>, workers: usize) -> Self {
        Self {
            handler,
            workers: Arc::new(Semaphore::new(workers)),
            stopping,
        }
    }

    /// Delivers what comes in, until it is time to stop; then ends what has begun and leaves the rest: its files are
    /// still unfinished in the store, and the next start finds them there.
    pub(super) async fn run(self, mut incoming: UnboundedReceiver<StorageEvent>) {
        let mut deliveries = JoinSet::new();
        // The reconcile run tells again and again of what waits here.
        let mut known: HashSet<StorageEventKey> = HashSet::new();
        let mut stopping = self.stopping.clone();
        loop {
            tokio::select! {
                _ = stopping.wait_for(|stop| *stop) => break,
                Some(ended) = deliveries.join_next(), if !deliveries.is_empty() => forget(&mut known, ended),
                event = incoming.recv() => match event {
                    Some(event) => {
                        let key = (event.object_key.clone(), event.object_version.clone());
                        if known.insert(key.clone()) {
                            let delivery = self.deliver(event);
                            deliveries.spawn(async move {
                                delivery.await;
                                key
                            });
                        }
                    }
                    None => break,
                },
            }
        }
        // Where the senders are gone, what has come in is still delivered.
        if *self.stopping.borrow() {
            self.workers.close();
        }
        while deliveries.join_next().await.is_some() {}
    }

    fn deliver(&self, event: StorageEvent) -> impl Future<Output = ()> + Send + use<H> {
        let handler = self.handler.clone();
        let workers = Arc::clone(&self.workers);
        let mut stopping = self.stopping.clone();
        async move {
            for attempt in 0..ATTEMPTS {
                let Ok(worker) = workers.acquire().await else {
                    return;
                };
                // The worker may have come free between the signal and the closing of the doors.
                if *stopping.borrow() {
                    return;
                }
                let outcome = handler.handle(&event).await;
                drop(worker);
                let Outcome::Retry { after } = outcome else {
                    return;
                };
                tokio::select! {
                    () = tokio::time::sleep(pause(after, attempt)) => {}
                    _ = stopping.wait_for(|stop| *stop) => return,
                }
            }
            tracing::warn!(
                key = event.object_key,
                "an event is left to the reconcile run"
            );
        }
    }
}

/// Object key and version.
type StorageEventKey = (String, String);

fn forget(
    known: &mut HashSet<StorageEventKey>,
    ended: Result<StorageEventKey, tokio::task::JoinError>,
) {
    match ended {
        Ok(key) => {
            known.remove(&key);
        }
        // Which one it was is not told: every event may come again, which is harmless.
        Err(error) => {
            tracing::error!(%error, "a delivery broke off");
            known.clear();
        }
    }
}

/// What the handler asks for, doubled with every attempt up to [`LONGEST_PAUSE`].
fn pause(after: Duration, attempt: u32) -> Duration {
    after
        .saturating_mul(2_u32.saturating_pow(attempt))
        .min(LONGEST_PAUSE)
        .max(after)
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::Mutex;

    use tokio::sync::{Notify, mpsc};

    use super::*;

    fn event(key: &str) -> StorageEvent {
        StorageEvent {
            bucket: "b".into(),
            object_key: key.into(),
            object_version: "1".into(),
            size: None,
        }
    }

    /// Answers from a script, then with `Done`, and remembers what it was asked.
    #[derive(Clone, Default)]
    struct Scripted {
        handled: Arc<Mutex<Vec<String>>>,
        answers: Arc<Mutex<VecDeque<Outcome>>>,
    }

    impl Handle for Scripted {
        async fn handle(&self, event: &StorageEvent) -> Outcome {
            self.handled.lock().unwrap().push(event.object_key.clone());
            self.answers
                .lock()
                .unwrap()
                .pop_front()
                .unwrap_or(Outcome::Done)
        }
    }

    /// Works on every event until it is let go.
    #[derive(Clone, Default)]
    struct Held {
        begun: Arc<Mutex<usize>>,
        ended: Arc<Mutex<usize>>,
        begin: Arc<Notify>,
        let_go: Arc<Notify>,
    }

    impl Handle for Held {
        async fn handle(&self, _: &StorageEvent) -> Outcome {
            *self.begun.lock().unwrap() += 1;
            self.begin.notify_one();
            self.let_go.notified().await;
            *self.ended.lock().unwrap() += 1;
            Outcome::Done
        }
    }

    #[tokio::test]
    async fn an_event_that_must_come_again_comes_again_until_it_is_done() {
        let handler = Scripted::default();
        let retry = Outcome::Retry {
            after: Duration::ZERO,
        };
        handler
            .answers
            .lock()
            .unwrap()
            .extend([retry, retry, Outcome::Ignored]);
        let (sender, incoming) = mpsc::unbounded_channel();
        let (_stop, stopping) = watch::channel(false);
        sender.send(event("a")).unwrap();
        drop(sender);
        Queue::with_workers(handler.clone(), stopping, 2)
            .run(incoming)
            .await;
        assert_eq!(*handler.handled.lock().unwrap(), ["a", "a", "a"]);
    }

    #[tokio::test]
    async fn an_event_that_never_succeeds_is_given_up_and_the_others_do_not_wait_for_it() {
        let handler = Scripted::default();
        let (sender, incoming) = mpsc::unbounded_channel();
        let (_stop, stopping) = watch::channel(false);
        handler.answers.lock().unwrap().extend(
            [Outcome::Retry {
                after: Duration::ZERO,
            }; 100],
        );
        sender.send(event("a")).unwrap();
        drop(sender);
        Queue::with_workers(handler.clone(), stopping, 1)
            .run(incoming)
            .await;
        assert_eq!(handler.handled.lock().unwrap().len(), ATTEMPTS as usize);
    }

    #[tokio::test]
    async fn stopping_ends_what_has_begun_and_begins_nothing_more() {
        let handler = Held::default();
        let (sender, incoming) = mpsc::unbounded_channel();
        let (stop, stopping) = watch::channel(false);
        for key in ["a", "b", "c"] {
            sender.send(event(key)).unwrap();
        }
        let queue = tokio::spawn(Queue::with_workers(handler.clone(), stopping, 1).run(incoming));
        handler.begin.notified().await;
        stop.send_replace(true);
        // The one at work is waited for.
        handler.let_go.notify_one();
        queue.await.unwrap();
        assert_eq!(
            (
                *handler.begun.lock().unwrap(),
                *handler.ended.lock().unwrap()
            ),
            (1, 1)
        );
    }

    #[tokio::test]
    async fn what_waits_already_is_not_delivered_twice() {
        let handler = Held::default();
        let (sender, incoming) = mpsc::unbounded_channel();
        let (_stop, stopping) = watch::channel(false);
        for key in ["a", "a", "a", "b"] {
            sender.send(event(key)).unwrap();
        }
        drop(sender);
        let queue = tokio::spawn(Queue::with_workers(handler.clone(), stopping, 1).run(incoming));
        for _ in 0..2 {
            handler.begin.notified().await;
            handler.let_go.notify_one();
        }
        queue.await.unwrap();
        assert_eq!(*handler.ended.lock().unwrap(), 2);
    }

    #[test]
    fn pauses_grow_but_stay_below_the_cap_unless_the_handler_asks_for_more() {
        let seconds = |after, attempt| pause(Duration::from_secs(after), attempt).as_secs();
        assert_eq!(
            [seconds(5, 0), seconds(5, 1), seconds(5, 3), seconds(5, 30)],
            [5, 10, 40, 60]
        );
        assert_eq!(seconds(121, 0), 121);
    }
}
