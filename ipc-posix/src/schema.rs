//! Schema numbers from the fields of a struct.

/// A schema number made from the fields of a struct: their names, types and places.
///
/// The name and the size of a type are compared whenever an object is opened, but two fields that are swapped change neither. With this number as
/// [`schema`](crate::QueueOptions) of an object, a program whose struct differs in a field's name, type or place cannot open it.
///
/// List all fields, in any order. Types are compared as they are written here, without spaces: write them in the same way in each program. What
/// lies inside a field's own struct is not seen; give an object of such elements a number of your own, or add the numbers.
///
/// It does not compile if a field is not there, has another type, or is left out.
///
/// ```
/// # use ipc_posix::Region;
/// use bytemuck::{Pod, Zeroable};
///
/// #[derive(Clone, Copy, Pod, Zeroable)]
/// #[repr(C)]
/// struct Order {
///     id: u64,
///     cents: u64,
/// }
/// const ORDER: u64 = ipc_posix::schema!(Order { id: u64, cents: u64 });
///
/// # let region = Region::options().anonymous()?;
/// let orders = region.queue::<Order>("orders").schema(ORDER).open_or_create()?;
///
/// // Another program, where the two are swapped:
/// # mod other {
/// # use bytemuck::{Pod, Zeroable};
/// # #[derive(Clone, Copy, Pod, Zeroable)]
/// #[repr(C)]
/// # pub
/// struct Order {
/// #   pub
///     cents: u64,
/// #   pub
///     id: u64,
/// }
/// # }
/// # use other::Order as Swapped;
/// # const SWAPPED: u64 = ipc_posix::schema!(Swapped { cents: u64, id: u64 });
/// # let error = region.queue::<Swapped>("orders").schema(SWAPPED).open().unwrap_err().to_string();
/// # assert!(error.starts_with("queue \"orders\": schema ") && error.ends_with(" in the region"), "{error}");
/// // queue "orders": schema 1046… here, 9315… in the region
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// ```compile_fail
/// # #[repr(C)]
/// struct Order {
///     id: u64,
///     cents: u64,
/// }
/// // error: a field of the struct is missing
/// const ORDER: u64 = ipc_posix::schema!(Order { id: u64 });
/// ```
#[macro_export]
macro_rules! schema {
    ($of:ty { $($field:ident: $type:ty),+ $(,)? }) => {{
        const NUMBER: u64 = {
            $(let _: fn($of) -> $type = |value| value.$field;)+
            let listed = 0 $(+ ::core::mem::size_of::<$type>())+;
            assert!(listed == ::core::mem::size_of::<$of>(), "a field of the struct is missing, or it has padding");
            $crate::schema::number(&[$(
                (stringify!($field), stringify!($type), ::core::mem::offset_of!($of, $field), ::core::mem::size_of::<$type>())
            ),+])
        };
        NUMBER
    }};
}

/// Behind [`schema!`](crate::schema!): the number of these fields, which are told by name, type, offset and size. Never 0, and whatever their
/// order is the same.
#[doc(hidden)]
#[must_use]
pub const fn number(fields: &[(&str, &str, usize, usize)]) -> u64 {
    let (mut sum, mut at) = (0_u64, 0);
    while at < fields.len() {
        let (name, of, offset, size) = fields[at];
        let hash = mix(text(text(0xcbf2_9ce4_8422_2325, name), of), offset as u64);
        sum = sum.wrapping_add(spread(mix(hash, size as u64)));
        at += 1;
    }
    if sum == 0 { 1 } else { sum }
}

/// FNV-1a, 64 bits, see <http://www.isthe.com/chongo/tech/comp/fnv/>.
const fn mix(hash: u64, value: u64) -> u64 {
    (hash ^ value).wrapping_mul(0x0000_0100_0000_01b3)
}

/// Hashes a text without its spaces, and its end.
const fn text(mut hash: u64, text: &str) -> u64 {
    let (bytes, mut at) = (text.as_bytes(), 0);
    while at < bytes.len() {
        if bytes[at] != b' ' {
            hash = mix(hash, bytes[at] as u64);
        }
        at += 1;
    }
    mix(hash, 0x100)
}

/// The finalizer of SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014): sums of hashes collide less.
const fn spread(mut hash: u64) -> u64 {
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

#[cfg(test)]
mod tests {
    use super::number;

    #[repr(C)]
    struct Order {
        id: u64,
        cents: u64,
    }

    #[test]
    fn the_order_of_the_list_does_not_matter() {
        let _ = |order: Order| (order.id, order.cents);
        let first: u64 = crate::schema!(Order { id: u64, cents: u64 });
        assert_eq!(first, crate::schema!(Order { cents: u64, id: u64 }));
        assert_eq!(first, number(&[("id", "u64", 0, 8), ("cents", "u 64", 8, 8)]));
    }

    #[test]
    fn names_types_and_places_matter() {
        let base = [("id", "u64", 0, 8), ("cents", "u64", 8, 8)];
        let others = [
            [("id", "u64", 8, 8), ("cents", "u64", 0, 8)],
            [("id", "u64", 0, 8), ("euros", "u64", 8, 8)],
            [("id", "u64", 0, 8), ("cents", "f64", 8, 8)],
            [("idc", "u64", 0, 8), ("ents", "u64", 8, 8)],
        ];
        for other in others {
            assert_ne!(number(&base), number(&other), "{other:?}");
        }
    }
}
