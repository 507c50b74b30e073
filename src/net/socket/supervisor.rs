//! The acting half of a socket: connects, reads, writes, keeps the machine's times.
//!
//! One future, which the caller runs; it spawns nothing. Reading never waits for writing: texts are written by a part of
//! their own, and a peer that does not read is given up.

use super::dial::{Socket, open, reason_of_read};
use super::machine::{Due, Ending, Machine};
use super::{Dial, Protocol, Reason, SocketSettings, SocketState, Timing, Verdict};
use crate::net::Moment;
use futures::stream::{SplitSink, SplitStream};
use futures::{FutureExt, SinkExt, StreamExt};
use std::pin::pin;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Bytes, Error, Message};
use tokio_util::sync::CancellationToken;

/// Texts of the protocol and pings that may wait to be written. A protocol sends a few subscriptions; when more waits
/// than this, the peer does not read.
const OWN_QUEUE: usize = 1_024;
/// Frames handled before timers and writing get their turn.
const FRAMES_A_TURN: usize = 256;

/// Keeps one connection alive until `cancel`. Every change of state is given to `on_state`, which must not block.
///
/// `outgoing` carries texts to send besides the protocol's own (requests, whose answers the protocol sees). What is in
/// it when a connection stands was meant for an older one, and is dropped: whoever waits for an answer gives up at
/// `BackingOff` or `Refused`, and asks again at `Subscribing` or `Live`.
pub async fn supervise<D, P>(
    settings: &SocketSettings,
    mut dial: D,
    mut protocol: P,
    mut outgoing: mpsc::Receiver<String>,
    mut on_state: impl FnMut(SocketState) + Send,
    cancel: CancellationToken,
) where
    D: Dial,
    P: Protocol + Send,
{
    let mut machine = Machine::new(settings.timing);
    let endless = async {
        loop {
            machine.attempts(Instant::now());
            on_state(SocketState::Connecting);
            let mut ending = match open(settings, &mut dial).await {
                Err(ending) => ending,
                Ok(socket) => {
                    while outgoing.try_recv().is_ok() {}
                    let mut talk = Talk {
                        machine: &mut machine,
                        protocol: &mut protocol,
                        on_state: &mut on_state,
                        changed: false,
                        looked: Instant::now(),
                    };
                    talk.run(socket, &mut outgoing, &settings.timing).await
                }
            };
            ending.detail = settings.endpoint.cleaned(&ending.detail);
            let (until, state) = machine.ended(Instant::now(), ending, fastrand::u64(..));
            on_state(state);
            sleep_until(until).await;
        }
    };
    let never: Option<std::convert::Infallible> = cancel.run_until_cancelled(endless).await;
    match never {
        None => on_state(SocketState::Stopped),
        Some(never) => match never {},
    }
}

/// One connection's conversation.
struct Talk<'a, P, F> {
    machine: &'a mut Machine,
    protocol: &'a mut P,
    on_state: &'a mut F,
    /// Whether a state was said since the timer was last set.
    changed: bool,
    /// When the protocol last looked at its deadlines.
    looked: Instant,
}

impl<P: Protocol, F: FnMut(SocketState)> Talk<'_, P, F> {
    /// Talks until it ends. Dropping the socket is all the goodbye there is.
    async fn run<S>(&mut self, socket: Socket<S>, outgoing: &mut mpsc::Receiver<String>, timing: &Timing) -> Ending
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let (sink, mut frames) = socket.split();
        let (own, own_queue) = mpsc::channel(OWN_QUEUE);
        let mut writing = pin!(write(sink, own_queue, outgoing, timing));
        let mut verdicts = Vec::new();

        let now = Instant::now();
        let opened = self.machine.opened(now);
        self.say(opened);
        self.protocol.connected(now, &mut verdicts);
        if let Err(ending) = self.obey(&mut verdicts, now, &own) {
            return ending;
        }
        // Late only by what a frame moves: when it fires early, the machine names the next moment.
        let mut timer = pin!(sleep_until(now));
        loop {
            tokio::select! {
                biased;
                () = &mut timer => match self.keep_time(timing.look_every, &mut verdicts, &own) {
                    Ok(next) => timer.as_mut().reset(next),
                    Err(ending) => return ending,
                },
                reason = &mut writing => return reason.into(),
                frame = frames.next() => {
                    if let Err(ending) = self.take_turn(frame, &mut frames, &mut verdicts, &own) {
                        return ending;
                    }
                    // A change of state is the only thing that can bring a deadline nearer.
                    if std::mem::take(&mut self.changed) {
                        timer.as_mut().reset(Instant::now());
                    }
                }
            }
        }
    }

    /// Handles this frame and those that are there already, under one reading of the clock.
    fn take_turn<S>(
        &mut self,
        first: Option<Result<Message, Error>>,
        frames: &mut SplitStream<Socket<S>>,
        verdicts: &mut Vec<Verdict>,
        own: &mpsc::Sender<Message>,
    ) -> Result<(), Ending>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let now = Instant::now();
        self.machine.inbound(now);
        let mut frame = first;
        for _ in 0..FRAMES_A_TURN {
            match frame {
                None => return Err(Reason::Close.into()),
                Some(Err(error)) => return Err(reason_of_read(&error).into()),
                Some(Ok(Message::Text(text))) => self.protocol.frame(text.as_str(), now, verdicts),
                // Pongs to their pings are tungstenite's work, flushed with the next read.
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Close(frame))) => return Err(closed(frame.as_ref())),
                Some(Ok(Message::Binary(_) | Message::Frame(_))) => return Err(Reason::Protocol.into()),
            }
            self.obey(verdicts, now, own)?;
            // Whatever this leaves unread is asked for again by the caller's loop, with a waker that counts.
            match frames.next().now_or_never() {
                Some(next) => frame = next,
                None => break,
            }
        }
        Ok(())
    }

    /// Does what the protocol said.
    fn obey(&mut self, verdicts: &mut Vec<Verdict>, now: Instant, own: &mpsc::Sender<Message>) -> Result<(), Ending> {
        for verdict in verdicts.drain(..) {
            let change = match verdict {
                Verdict::Useful => self.machine.useful(now),
                Verdict::Chatter => None,
                Verdict::Subscribed => self.machine.subscribed(now),
                Verdict::Leaving => self.machine.leaving(),
                Verdict::Send(text) => {
                    own.try_send(Message::text(text)).map_err(|_| Reason::WriteTimeout)?;
                    None
                }
                Verdict::Rejected { detail } => return Err(Ending { detail, ..Reason::Rejected.into() }),
                Verdict::Broken { detail } => return Err(Ending { detail, ..Reason::Protocol.into() }),
            };
            if let Some(state) = change {
                self.say(state);
            }
        }
        Ok(())
    }

    /// Does all that is due, and tells when the next thing will be.
    fn keep_time(
        &mut self,
        look_every: Option<Duration>,
        verdicts: &mut Vec<Verdict>,
        own: &mpsc::Sender<Message>,
    ) -> Result<Instant, Ending> {
        let now = Instant::now();
        if look_every.is_some_and(|every| self.looked.after(every) <= now) {
            self.looked = now;
            self.protocol.look(now, verdicts);
            self.obey(verdicts, now, own)?;
        }
        let looks_at = look_every.map(|every| self.looked.after(every));
        loop {
            match self.machine.due(now) {
                Due::Nothing(next) => return Ok(looks_at.map_or(next, |look| look.min(next))),
                Due::Aging => self.say(SocketState::Aging),
                Due::Ping => own.try_send(Message::Ping(Bytes::new())).map_err(|_| Reason::WriteTimeout)?,
                Due::Stale => self.say(SocketState::Stale),
                Due::GiveUp(reason) => return Err(reason.into()),
            }
        }
    }

    fn say(&mut self, state: SocketState) {
        self.changed = true;
        (self.on_state)(state);
    }
}

/// How a close frame ends a connection: 1008 (policy) is how some venues say "too many requests".
fn closed(frame: Option<&CloseFrame>) -> Ending {
    let turned_down = frame.is_some_and(|frame| frame.code == CloseCode::Policy);
    let detail = frame.map(|frame| frame.reason.as_str().to_owned()).unwrap_or_default();
    Ending { detail, turned_down, ..Reason::Close.into() }
}

/// Writes the protocol's texts and pings first, then requests, one at a time and no closer than they may come; ends when the peer does not
/// take them.
async fn write<S>(
    mut sink: SplitSink<Socket<S>, Message>,
    mut own: mpsc::Receiver<Message>,
    outgoing: &mut mpsc::Receiver<String>,
    timing: &Timing,
) -> Reason
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut free_at = Instant::now();
    loop {
        let message = tokio::select! {
            biased;
            Some(message) = own.recv() => message,
            Some(text) = outgoing.recv() => Message::text(text),
            // Both ends are gone: nothing will ever be written again.
            else => std::future::pending().await,
        };
        if !timing.text_spacing.is_zero() {
            sleep_until(free_at).await;
            free_at = Instant::now().after(timing.text_spacing);
        }
        match timeout(timing.write_within, sink.send(message)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return reason_of_read(&error),
            Err(_) => return Reason::WriteTimeout,
        }
    }
}
