//! What the reactor says of what happens, scenario by scenario. The language of the scripts is in `script`.

mod balances;
mod crossings;
mod explorers;
mod forks;
mod handover;
mod history;
mod internals;
mod live;
mod names;
mod others;
mod poison;
mod prices;
mod reload;
mod said;
mod script;
mod settings;
mod silences;
mod transfers;
mod watches;
mod watches_past;
mod why;
mod worth;
