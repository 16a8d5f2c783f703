//! From a name to its field: one hash, one comparison.

use std::sync::LazyLock;

use super::{Field, NAMES, OPEN};

/// The longest name of the table, and of a nested member with its parents', in bytes.
pub(crate) const MAX_NAME_BYTES: usize = 64;

/// Bits of the hash that choose a slot. Four times as many slots as names:
/// nearly every unknown name meets an empty one.
const SLOT_BITS: u32 = 12;

static INDEX: LazyLock<Index> = LazyLock::new(Index::build);

/// What a name of the table stands for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Name {
    /// The field and the name's rank.
    pub field: Option<(Field, u8)>,
    /// An object of this name is looked into: the table has `name.…`.
    pub is_parent: bool,
    /// An object of this name is one of [`OPEN`].
    pub is_open: bool,
}

/// A name, in the form in which it is compared.
struct Key<'k> {
    text: &'k [u8],
    head: u64,
    tail: u64,
}

/// Sets the bit that tells `a` from `A`. It makes pairs of a few other
/// characters equal as well, none of which the table has both of.
const FOLD: u64 = 0x2020_2020_2020_2020;
const FOLD_BYTE: u8 = 0x20;

impl<'k> Key<'k> {
    /// The first and the last eight bytes, which overlap in a short name.
    fn new(text: &'k [u8]) -> Self {
        let (head, tail) = match (text.first_chunk::<8>(), text.last_chunk::<8>()) {
            (Some(head), Some(tail)) => (u64::from_le_bytes(*head), u64::from_le_bytes(*tail)),
            _ => match (text.first_chunk::<4>(), text.last_chunk::<4>()) {
                (Some(head), Some(tail)) => {
                    (u64::from(u32::from_le_bytes(*head)), u64::from(u32::from_le_bytes(*tail)))
                }
                _ => (text.iter().fold(0, |word, byte| word << 8 | u64::from(*byte)), 0),
            },
        };
        Self { text, head: head | FOLD, tail: tail | FOLD }
    }

    fn slot(&self) -> usize {
        let mixed = self.head ^ self.tail.rotate_left(29) ^ self.text.len() as u64;
        (mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (u64::BITS - SLOT_BITS)) as usize
    }
}

struct Entry {
    text: Box<[u8]>,
    head: u64,
    tail: u64,
    name: Name,
}

impl Entry {
    fn is(&self, key: &Key<'_>) -> bool {
        // Head and tail are the whole name where it has at most sixteen bytes.
        self.head == key.head
            && self.tail == key.tail
            && self.text.len() == key.text.len()
            && (key.text.len() <= 16 || self.text.iter().zip(key.text).all(|(a, b)| *a == b | FOLD_BYTE))
    }
}

/// The table, by name.
pub(crate) struct Index {
    /// The number of an entry, from 1; 0 where there is none.
    slots: Box<[u16; 1 << SLOT_BITS]>,
    entries: Vec<Entry>,
}

impl Index {
    /// The table; built at its first use.
    pub(crate) fn get() -> &'static Self {
        &INDEX
    }

    /// What a name stands for, in any of its spellings.
    #[inline]
    pub(crate) fn find(&self, name: &[u8]) -> Option<Name> {
        let mut bytes = name;
        while let [b'_', rest @ ..] = bytes {
            bytes = rest;
        }
        self.find_exactly(&Key::new(bytes)).map(|(_, entry)| entry.name)
    }

    fn find_exactly(&self, key: &Key<'_>) -> Option<(usize, &Entry)> {
        let mut slot = key.slot();
        // The table is never full: an empty slot ends every search.
        loop {
            let number = usize::from(*self.slots.get(slot)?).checked_sub(1)?;
            let entry = self.entries.get(number)?;
            if entry.is(key) {
                return Some((number, entry));
            }
            slot = (slot + 1) % (1 << SLOT_BITS);
        }
    }

    fn build() -> Self {
        let mut index = Self { slots: Box::new([0; 1 << SLOT_BITS]), entries: Vec::new() };
        for (field, rank, names) in NAMES {
            for name in *names {
                for spelling in spellings(name) {
                    for (dot, _) in spelling.match_indices('.') {
                        index.change(spelling.get(..dot).unwrap_or_default(), |name| name.is_parent = true);
                    }
                    index.change(&spelling, |name| name.field = name.field.or(Some((*field, *rank))));
                }
            }
        }
        for name in OPEN {
            for spelling in spellings(name) {
                index.change(&spelling, |name| name.is_open = true);
            }
        }
        index
    }

    fn change(&mut self, text: &str, change: impl FnOnce(&mut Name)) {
        let key = Key::new(text.as_bytes());
        let number = match self.find_exactly(&key) {
            Some((number, _)) => number,
            None => {
                let (head, tail) = (key.head, key.tail);
                let text = text.bytes().map(|byte| byte | FOLD_BYTE).collect();
                self.entries.push(Entry { text, head, tail, name: Name::default() });
                let mut slot = key.slot();
                while self.slots.get(slot).is_some_and(|number| *number != 0) {
                    slot = (slot + 1) % (1 << SLOT_BITS);
                }
                if let (Some(free), Ok(number)) =
                    (self.slots.get_mut(slot), u16::try_from(self.entries.len()))
                {
                    *free = number;
                }
                self.entries.len() - 1
            }
        };
        if let Some(entry) = self.entries.get_mut(number) {
            change(&mut entry.name);
        }
    }
}

/// `a_b` as `a_b`, `ab` and `a-b`.
fn spellings(name: &str) -> Vec<String> {
    let mut spellings = vec![name.to_owned(), name.replace('_', ""), name.replace('_', "-")];
    spellings.dedup();
    spellings
}

/// The names of an object and its parents, joined with dots.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Path {
    bytes: [u8; MAX_NAME_BYTES],
    len: usize,
}

impl Path {
    /// The path of a name; `None` where it is longer than any name of the table.
    pub(crate) fn of(name: &[u8]) -> Option<Self> {
        let mut name = name;
        while let [b'_', rest @ ..] = name {
            name = rest;
        }
        let mut path = Self { bytes: [0; MAX_NAME_BYTES], len: name.len() };
        path.bytes.get_mut(..name.len())?.copy_from_slice(name);
        Some(path)
    }

    /// The path of a member.
    pub(crate) fn join(&self, name: &[u8]) -> Option<Self> {
        let mut path = *self;
        *path.bytes.get_mut(self.len)? = b'.';
        path.len = self.len + 1 + name.len();
        path.bytes.get_mut(self.len + 1..path.len)?.copy_from_slice(name);
        Some(path)
    }

    /// The path as a name of the table.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    #[test]
    fn spellings_of_a_name() {
        for name in ["request_id", "requestId", "RequestID", "REQUEST-ID", "_request_id", "__requestid"] {
            assert_eq!(
                Index::get().find(name.as_bytes()).unwrap().field,
                Some((Field::RequestId, 0)),
                "{name}"
            );
        }
        for name in ["", "_", "request", "request__id", "requestids", "é", "x", "lev\u{0}l"] {
            let field =
                Index::get().find(name.as_bytes()).and_then(|name| name.field).map(|(field, _)| field);
            assert!(!matches!(field, Some(Field::RequestId | Field::Level)), "{name}");
        }
        assert!(Index::get().find(b"http.request").unwrap().is_parent);
        assert!(Index::get().find(b"attributes").unwrap().is_open);
        assert_eq!(Index::get().find("x".repeat(MAX_NAME_BYTES + 1).as_bytes()), None);
    }

    #[test]
    fn every_name_of_the_table_is_found_and_means_one_thing() {
        let mut seen = HashMap::new();
        for (field, rank, names) in NAMES {
            for name in *names {
                assert!(name.len() <= MAX_NAME_BYTES, "{name}");
                assert_eq!(seen.insert(*name, field), None, "{name} stands in the table twice");
                for spelling in spellings(name) {
                    assert_eq!(
                        Index::get().find(spelling.as_bytes()).unwrap().field,
                        Some((*field, *rank)),
                        "{spelling}"
                    );
                }
            }
        }
    }

    #[test]
    fn the_index_has_room() {
        assert!(Index::get().entries.len() * 4 <= 1 << SLOT_BITS, "{}", Index::get().entries.len());
    }

    #[test]
    fn paths_join_up_to_the_longest_name() {
        let path = Path::of(b"_req").unwrap();
        assert_eq!(path.join(b"id").unwrap().as_bytes(), b"req.id");
        assert!(path.join("x".repeat(MAX_NAME_BYTES - 4).as_bytes()).is_some());
        assert!(path.join("x".repeat(MAX_NAME_BYTES - 3).as_bytes()).is_none());
        assert!(Path::of("x".repeat(MAX_NAME_BYTES + 1).as_bytes()).is_none());
    }
}
