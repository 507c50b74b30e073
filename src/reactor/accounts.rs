//! What befalls an explorer's account, on all of its chains at once; and lists of it that cannot be read to their end.

use super::Reactor;
use super::effect::{Effect, MessageKind, Notice};
use super::event::{List, SourceId, SourceKind, SourceState, Unlistable};
use super::lists::kind_of;
use super::rows::Subject;
use crate::types::{Address, ChainId, Name, Severity};

impl Reactor {
    /// A source; of an explorer's account the explorer on each of its chains.
    pub(super) fn all_of(&self, source: &SourceId) -> Vec<SourceId> {
        if source.kind != SourceKind::Explorer || source.chain.is_some() {
            return vec![source.clone()];
        }
        let ours = self.settings.chains.values().filter(|chain| chain.explorer.as_ref() == Some(&source.name));
        ours.map(|chain| SourceId { chain: Some(chain.id), ..source.clone() }).collect()
    }

    /// Whether it was said that an explorer is blind on a chain: there alone, or with its whole account.
    pub(super) fn is_said_blind(&self, source: &SourceId) -> bool {
        let account = SourceId { chain: None, ..source.clone() };
        [source, &account].into_iter().any(|source| self.troubles.is_open(&Subject::Source(source.clone())))
    }

    /// What befalls an explorer's account befalls all of its chains, and is said once, for the account. What a chain suffers by itself
    /// stays: that the plan does not hold it, say.
    pub(super) fn whole_account(&mut self, name: &Name, state: &SourceState, effects: &mut Vec<Effect>) {
        let account = SourceId { kind: SourceKind::Explorer, chain: None, name: name.clone() };
        for source in self.all_of(&account) {
            let known = self.soft.sources.get(&source);
            if known == Some(state) || matches!(known, Some(SourceState::Refused(_))) {
                continue;
            }
            self.ends_silence(&Subject::Source(source.clone()), effects);
            self.soft.sources.insert(source.clone(), state.clone());
            effects.push(Effect::Notice(Notice::Source { source, state: state.clone() }));
        }
    }

    /// An explorer answered on one chain: nothing is wrong with its account any more.
    pub(super) fn account_works(&mut self, name: &Name, effects: &mut Vec<Effect>) {
        let account = SourceId { kind: SourceKind::Explorer, chain: None, name: name.clone() };
        self.soft.sources.remove(&account);
        let subject = Subject::Source(account);
        self.ends_silence(&subject, effects);
        self.recovered(&subject, effects);
    }

    /// An explorer's list cannot be read past a block. Where the chain's own blocks are read nothing is missed.
    pub(super) fn unlistable(&mut self, stuck: Unlistable, effects: &mut Vec<Effect>) {
        let Unlistable { chain, source, address, list, block } = stuck;
        if !self.settings.chains.contains_key(&chain) || self.endpoint_vouches(chain, kind_of(list)) {
            return;
        }
        let subject = Subject::List(chain, address, list);
        if let Some(row) = self.troubles.open(subject, self.at, Some(block), effects) {
            let list = list.word();
            let reason = format!(
                "block {block} has more rows in {list} of {} than {source} gives out (10,000): what moved there, and in this list since, \
                 is not seen; give the chain an RPC endpoint",
                address.to_checksum(None)
            );
            let body = self.source_body(&row, None, reason.into());
            self.say_trouble(&row, MessageKind::SourceBlind, Severity::Warning, body, effects);
        }
    }

    /// A list was read up to a block.
    pub(super) fn listed(
        &mut self,
        chain: ChainId,
        address: Address,
        list: List,
        read_to: u64,
        effects: &mut Vec<Effect>,
    ) {
        let subject = Subject::List(chain, address, list);
        if self
            .troubles
            .get(&subject)
            .is_some_and(|row| row.open && row.last_block.is_some_and(|stuck| read_to >= stuck))
        {
            self.recovered(&subject, effects);
        }
    }
}
