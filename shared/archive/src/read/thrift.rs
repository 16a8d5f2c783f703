//! Thrift's compact protocol, as far as Parquet's footers and page headers need
//! it: <https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md>.
//!
//! Nothing is allocated here, and every length is held against the bytes that
//! are there: what comes from a damaged object cannot ask for memory.

use super::Damage;

/// Structures inside of structures that are skipped; Parquet has at most five.
const MAX_DEPTH: usize = 16;

/// What a field or an element of a list is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Bool(bool),
    Byte,
    /// 16, 32 or 64 bits.
    Int,
    Double,
    Bytes,
    List,
    Map,
    Struct,
}

/// What is left to read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Thrift<'a> {
    rest: &'a [u8],
}

impl<'a> Thrift<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// How many bytes are left.
    pub fn left(&self) -> usize {
        self.rest.len()
    }

    fn byte(&mut self) -> Result<u8, Damage> {
        let (first, rest) = self.rest.split_first().ok_or(Damage::new("it ends within its metadata"))?;
        self.rest = rest;
        Ok(*first)
    }

    fn take(&mut self, count: u64) -> Result<&'a [u8], Damage> {
        let count = usize::try_from(count).ok();
        let (taken, rest) = count
            .and_then(|count| self.rest.split_at_checked(count))
            .ok_or(Damage::new("a length in its metadata reaches beyond it"))?;
        self.rest = rest;
        Ok(taken)
    }

    fn varint(&mut self) -> Result<u64, Damage> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Damage::new("a number in its metadata is too long"))
    }

    /// The value of a field of [`Kind::Int`].
    pub fn int(&mut self) -> Result<i64, Damage> {
        let value = self.varint()?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    /// The value of a field of [`Kind::Int`] that counts or measures something.
    pub fn size(&mut self) -> Result<u64, Damage> {
        u64::try_from(self.int()?).map_err(|_| Damage::new("a size in its metadata is negative"))
    }

    /// The value of a field of [`Kind::Bytes`].
    pub fn bytes(&mut self) -> Result<&'a [u8], Damage> {
        let length = self.varint()?;
        self.take(length)
    }

    /// The value of a field of [`Kind::Bytes`] that is a text.
    pub fn text(&mut self) -> Result<&'a str, Damage> {
        std::str::from_utf8(self.bytes()?).map_err(|_| Damage::new("a name in its metadata is not UTF-8"))
    }

    /// The next field of a structure, `None` at its end. `last` is the field
    /// before, 0 at the beginning.
    pub fn field(&mut self, last: &mut i64) -> Result<Option<(i64, Kind)>, Damage> {
        let head = self.byte()?;
        if head == 0 {
            return Ok(None);
        }
        *last = match head >> 4 {
            0 => self.int()?,
            more => last.saturating_add(i64::from(more)),
        };
        Ok(Some((*last, kind(head & 0xf)?)))
    }

    /// How many elements the list has, and what they are. Each takes a byte at least.
    pub fn list(&mut self) -> Result<(usize, Kind), Damage> {
        let head = self.byte()?;
        let size = match head >> 4 {
            15 => self.varint()?,
            size => u64::from(size),
        };
        match usize::try_from(size) {
            Ok(size) if size <= self.left() => Ok((size, kind(head & 0xf)?)),
            _ => Err(Damage::new("a list in its metadata reaches beyond it")),
        }
    }

    /// Passes over a value.
    pub fn skip(&mut self, kind: Kind) -> Result<(), Damage> {
        self.skip_at(kind, 0)
    }

    fn skip_at(&mut self, kind: Kind, depth: usize) -> Result<(), Damage> {
        if depth > MAX_DEPTH {
            return Err(Damage::new("its metadata is nested too deeply"));
        }
        match kind {
            Kind::Bool(_) => {}
            Kind::Byte => drop(self.byte()?),
            Kind::Int => drop(self.varint()?),
            Kind::Double => drop(self.take(8)?),
            Kind::Bytes => drop(self.bytes()?),
            Kind::List => {
                let (size, of) = self.list()?;
                for _ in 0..size {
                    match of {
                        // In a list, other than in a field, it takes a byte.
                        Kind::Bool(_) => drop(self.byte()?),
                        of => self.skip_at(of, depth + 1)?,
                    }
                }
            }
            Kind::Map => return Err(Damage::new("its metadata holds a map")),
            Kind::Struct => {
                let mut last = 0;
                while let Some((_, kind)) = self.field(&mut last)? {
                    self.skip_at(kind, depth + 1)?;
                }
            }
        }
        Ok(())
    }
}

fn kind(number: u8) -> Result<Kind, Damage> {
    Ok(match number {
        1 => Kind::Bool(true),
        2 => Kind::Bool(false),
        3 => Kind::Byte,
        4..=6 => Kind::Int,
        7 => Kind::Double,
        8 => Kind::Bytes,
        9 | 10 => Kind::List,
        11 => Kind::Map,
        12 => Kind::Struct,
        _ => return Err(Damage::new("its metadata is not Thrift")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_as_the_specification_writes_them() {
        // Field 1: i32 -3; field 3: binary "ab"; field 20 (long form): true; end.
        let bytes = [0x15, 5, 0x28, 2, b'a', b'b', 0x01, 40, 0];
        let mut thrift = Thrift::new(&bytes);
        let mut last = 0;
        assert_eq!(thrift.field(&mut last).unwrap(), Some((1, Kind::Int)));
        assert_eq!(thrift.int().unwrap(), -3);
        assert_eq!(thrift.field(&mut last).unwrap(), Some((3, Kind::Bytes)));
        assert_eq!(thrift.text().unwrap(), "ab");
        assert_eq!(thrift.field(&mut last).unwrap(), Some((20, Kind::Bool(true))));
        assert_eq!(thrift.field(&mut last).unwrap(), None);
        assert_eq!(thrift.left(), 0);
    }

    #[test]
    fn a_length_beyond_the_end_is_damage() {
        for bytes in [&[0xff; 11][..], &[0x80, 0x80, 4], &[3, 1, 2], &[]] {
            assert!(Thrift::new(bytes).bytes().is_err(), "{bytes:?}");
        }
        // A list of 15 structures in three bytes.
        assert!(Thrift::new(&[0xfc, 15, 0, 0]).list().is_err());
        assert_eq!(Thrift::new(&[0x2c, 0, 0]).list().unwrap(), (2, Kind::Struct));
    }

    #[test]
    fn nesting_is_limited() {
        let nested = |depth: usize| {
            let mut bytes = vec![0x1c; depth];
            bytes.extend(vec![0; depth + 1]);
            Thrift::new(&bytes).skip(Kind::Struct)
        };
        assert!(nested(MAX_DEPTH).is_ok());
        assert!(nested(MAX_DEPTH + 1).is_err());
    }
}
