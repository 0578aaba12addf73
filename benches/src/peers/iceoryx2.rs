//! iceoryx2: publish-subscribe, set to lose nothing.

use iceoryx2::prelude::{BackpressureStrategy, NodeBuilder, ipc};

use crate::link::{Link, Result, Side};
use crate::message::{receiver, sender};
use crate::ours;

/// The service of a name: publish-subscribe that loses nothing.
macro_rules! service {
    ($name:expr) => {{
        let node = NodeBuilder::new().create::<ipc::Service>()?;
        let service = node
            .service_builder(&$name.try_into()?)
            .publish_subscribe::<[u64]>()
            .enable_safe_overflow(false)
            .subscriber_max_buffer_size(64)
            .open_or_create()?;
        (node, service)
    }};
}

/// With "ends" only the first and the last word of a message are touched.
#[must_use]
pub fn iceoryx2<const W: usize>(name: &'static str, ends: bool) -> Link {
    Link {
        name,
        create: if ends { receive::<W, true> } else { receive::<W, false> },
        attach: if ends { send::<W, true> } else { send::<W, false> },
    }
}

fn receive<const W: usize, const ENDS: bool>() -> Result<(String, Side)> {
    let name = ours::fresh_name("ice");
    let (node, service) = service!(name.as_str());
    let subscriber = service.subscriber_builder().create()?;
    let receive = move |out: &mut [u64; W]| {
        let _ = &node;
        let Ok(Some(sample)) = subscriber.receive() else { return false };
        if ENDS {
            (out[0], out[W - 1]) = (sample[0], sample[W - 1]);
        } else {
            out.copy_from_slice(&sample);
        }
        true
    };
    Ok((name, receiver(receive)))
}

fn send<const W: usize, const ENDS: bool>(name: &str) -> Result<Side> {
    let (node, service) = service!(name);
    let publisher = service
        .publisher_builder()
        .initial_max_slice_len(W)
        .backpressure_strategy(BackpressureStrategy::RetryUntilDelivered)
        .create()?;
    Ok(sender(move |message: &[u64; W]| {
        let _ = &node;
        let Ok(mut sample) = publisher.loan_slice_uninit(W) else { return false };
        if ENDS {
            let payload = sample.payload_mut();
            payload[0].write(message[0]);
            payload[W - 1].write(message[W - 1]);
            // SAFETY: the words between are whatever was there: shared memory, mapped as zeroes at first.
            return unsafe { sample.assume_init() }.send().is_ok_and(|receivers| receivers == 1);
        }
        sample.write_from_slice(message).send().is_ok_and(|receivers| receivers == 1)
    }))
}
