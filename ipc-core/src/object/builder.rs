//! Builders, and where the objects that they make are found.

use core::time::Duration;

use super::{Blueprint, Schema, TypeName};
use crate::platform::Platform;
use crate::time::Limit;
use crate::wait::{HasWaitStrategy, WaitStrategy};

/// Where named objects are: a region, as its [builders](Builder) see it.
pub trait Host {
    /// What handles of its objects run on.
    type Platform: Platform;

    /// Why an object could not be found or created.
    type Error;

    /// The object with this name, which must exist.
    ///
    /// # Errors
    ///
    /// There is none, or it is another one than is wanted; those of the host.
    fn open<B: Blueprint>(&self, name: &str, wanted: &B) -> Result<B::Handle<'static, Self::Platform>, Self::Error>;

    /// The object with this name, once it exists. When the limit is over, the error of [`open`](Self::open).
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open).
    fn wait_open<B: Blueprint>(
        &self,
        name: &str,
        wanted: &B,
        limit: &Limit<<Self::Platform as Platform>::Deadline>,
    ) -> Result<B::Handle<'static, Self::Platform>, Self::Error>;

    /// A new object with this name, which must be free.
    ///
    /// # Errors
    ///
    /// The name is taken, or there is no room for it; those of the host.
    fn create<B: Blueprint>(&self, name: &str, wanted: &B) -> Result<B::Handle<'static, Self::Platform>, Self::Error>;

    /// The object with this name if it exists, a new one otherwise.
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open) and of [`create`](Self::create).
    fn open_or_create<B: Blueprint>(
        &self,
        name: &str,
        wanted: &B,
    ) -> Result<B::Handle<'static, Self::Platform>, Self::Error>;

    /// Why a region for one object, or that object, could not be found or created.
    type AloneError;

    /// The object in a region of the same name that is just large enough; both are created if need be.
    ///
    /// # Errors
    ///
    /// Those of the region and of the object.
    fn open_or_create_alone<B: Blueprint>(
        name: &str,
        wanted: &B,
    ) -> Result<B::Handle<'static, Self::Platform>, Self::AloneError>;
}

/// A builder: what an object should be like, then [`create`](Self::create), [`open`](Self::open) or
/// [`open_or_create`](Self::open_or_create).
#[derive(Debug)]
#[must_use = "a builder does nothing until create, open or open_or_create"]
pub struct Builder<'r, B, H> {
    host: &'r H,
    name: &'r str,
    pub(crate) wanted: B,
    strategy: WaitStrategy,
}

/// What a caller wants of an object that has a schema.
pub trait HasSchema {
    /// What is compared of the object's content beside its size.
    fn schema_mut(&mut self) -> &mut Schema;
}

/// Options whose schema is this field.
macro_rules! has_schema {
    ($options:ident $(<$($T:ident $(: $bound:path)?),+>)? . $($field:tt).+) => {
        impl $(<$($T $(: $bound)?),+>)? $crate::object::HasSchema for $options $(<$($T),+>)? {
            fn schema_mut(&mut self) -> &mut $crate::object::Schema {
                &mut self.$($field).+
            }
        }
    };
}
pub(crate) use has_schema;

impl<'r, B, H> Builder<'r, B, H> {
    /// Returns this builder with other wishes.
    pub(crate) fn map<C>(self, change: impl FnOnce(B) -> C) -> Builder<'r, C, H> {
        let Builder { host, name, wanted, strategy } = self;
        Builder { host, name, wanted: change(wanted), strategy }
    }
}

impl<B: HasSchema, H> Builder<'_, B, H> {
    /// Sets a version number of what the object holds, which is compared at every open. Default: 0.
    ///
    /// The name, the size and the alignment of a type are always compared. The number tells versions of a type apart, and meanings of bytes
    /// or flags. The macro `schema!` of `ipc-posix` makes it from the fields of a struct.
    pub fn schema(mut self, number: u64) -> Self {
        self.wanted.schema_mut().number = number;
        self
    }

    /// Sets the name of the type that the object holds, which is compared at every open. Default: the name of the Rust type, without the
    /// path to it. An empty name counts as [`any_type`](Self::any_type).
    ///
    /// For programs that call one type by different names. It is compared without the paths in it, and cut after 32 bytes, with a hash of the
    /// whole at its end.
    ///
    /// ```
    /// # use ipc_posix::Region;
    /// # let region = Region::options().anonymous()?;
    /// region.queue::<u64>("prices").type_name("Cents").open_or_create()?.send(250)?;
    ///
    /// let error = region.queue::<u64>("prices").open().unwrap_err();
    /// assert_eq!(error.to_string(), "queue \"prices\": type u64 here, Cents in the region");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn type_name(mut self, name: &str) -> Self {
        self.wanted.schema_mut().chosen = Some(TypeName::chosen(name));
        self
    }

    /// Opens the object whatever the name of its type is. A creator gives it none, and nobody who opens it compares one.
    ///
    /// Size, alignment and [`schema`](Self::schema) are compared all the same. Of plain data each value is checked when it is read, so a
    /// wrong type is a wrong number, and never undefined behaviour.
    pub fn any_type(mut self) -> Self {
        self.wanted.schema_mut().chosen = Some(TypeName::NONE);
        self
    }
}

impl<'r, B: Blueprint, H: Host> Builder<'r, B, H> {
    /// A builder of an object in `host`.
    pub fn new(host: &'r H, name: &'r str, wanted: B) -> Self {
        Builder { host, name, wanted, strategy: WaitStrategy::Adaptive }
    }

    /// Sets how blocking calls of the handle wait. Not stored: others that open the object choose for themselves. Default:
    /// [`Adaptive`](WaitStrategy::Adaptive).
    pub fn wait_strategy(mut self, strategy: WaitStrategy) -> Self {
        self.strategy = strategy;
        self
    }

    /// Opens the object, which must exist. Lock-free, no system call.
    ///
    /// # Errors
    ///
    /// That there is none, or what differs from what is wanted.
    pub fn open(self) -> Result<B::Handle<'static, H::Platform>, H::Error> {
        self.host.open(self.name, &self.wanted).map(waiting(self.strategy))
    }

    /// Opens the object once it exists: blocks until another process has created it.
    ///
    /// For those that must not create it, because they do not know its capacity or initial value. It sleeps, and its creator wakes it.
    ///
    /// ```
    /// # use ipc_posix::Region;
    /// # let region = Region::options().anonymous()?;
    /// let waiter = {
    ///     let region = region.clone();
    ///     std::thread::spawn(move || region.queue::<u64>("jobs").wait_open().unwrap().recv())
    /// };
    /// region.queue("jobs").capacity(8).create()?.send(7u64)?;
    /// assert_eq!(waiter.join().unwrap()?, 7);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// At once, what differs in the object that exists from what is wanted.
    pub fn wait_open(self) -> Result<B::Handle<'static, H::Platform>, H::Error> {
        self.wait_open_within(&Limit::Forever)
    }

    /// Opens the object as [`wait_open`](Self::wait_open) does, but blocks for at most `timeout`.
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open), once the time is over.
    pub fn wait_open_timeout(self, timeout: Duration) -> Result<B::Handle<'static, H::Platform>, H::Error> {
        self.wait_open_within(&Limit::For(timeout))
    }

    /// Opens the object as [`wait_open`](Self::wait_open) does, but blocks until `deadline` at the latest.
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open), once the time is over.
    pub fn wait_open_deadline(
        self,
        deadline: <H::Platform as Platform>::Deadline,
    ) -> Result<B::Handle<'static, H::Platform>, H::Error> {
        self.wait_open_within(&Limit::Until(deadline))
    }

    fn wait_open_within(
        self,
        limit: &Limit<<H::Platform as Platform>::Deadline>,
    ) -> Result<B::Handle<'static, H::Platform>, H::Error> {
        self.host.wait_open(self.name, &self.wanted, limit).map(waiting(self.strategy))
    }

    /// Creates the object, which must not exist.
    ///
    /// # Errors
    ///
    /// That there is one, or why there is no room for it.
    pub fn create(self) -> Result<B::Handle<'static, H::Platform>, H::Error> {
        self.host.create(self.name, &self.wanted).map(waiting(self.strategy))
    }

    /// Opens the object if it exists, creates it otherwise. Any number of processes may do so at once.
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open) and [`create`](Self::create).
    pub fn open_or_create(self) -> Result<B::Handle<'static, H::Platform>, H::Error> {
        self.host.open_or_create(self.name, &self.wanted).map(waiting(self.strategy))
    }
}

/// Makes a handle wait as its maker has chosen.
fn waiting<T: HasWaitStrategy>(strategy: WaitStrategy) -> impl FnOnce(T) -> T {
    move |handle| {
        handle.set_wait_strategy(strategy);
        handle
    }
}
