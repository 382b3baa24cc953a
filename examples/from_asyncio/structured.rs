//! Tasks that do not outlive the block that started them.

use raddle::runtime::Runtime;
use raddle::task::{self, CancelScope, TaskGroup};
use raddle::time::Duration;
use std::io;

/// `async with asyncio.TaskGroup() as group: group.create_task(...)`.
pub fn task_group() -> io::Result<String> {
    Runtime::new()?.block_on(async {
        let sum = TaskGroup::run(async |group| {
            let one = group.spawn(async { Ok::<_, io::Error>(1) });
            let two = group.spawn(async { Ok(2) });
            Ok(one.await.map_err(io::Error::other)? + two.await.map_err(io::Error::other)?)
        });
        let sum = sum.await.map_err(io::Error::other)?;

        let failed = TaskGroup::options().grace(Duration::from_secs(5)).run(async |group| {
            group.spawn_named("polite", async {
                task::cancelled().await;
                Ok(())
            });
            group.spawn_named("clumsy", async { Err::<(), _>("dropped the cup") });
            Ok(())
        });
        let error = failed.await.err();
        let errors: Vec<_> = error.iter().flat_map(|error| error.errors()).collect();
        Ok(format!("{sum}, and a group that failed with {errors:?}"))
    })
}

/// trio's `with move_on_after(0.001)`, with a clean-up inside.
pub fn cancel_scope() -> io::Result<String> {
    Runtime::new()?.block_on(async {
        let scope =
            CancelScope::new().timeout(Duration::from_millis(1)).grace(Duration::from_secs(5));
        let end = scope.run(async {
            task::cancelled().await;
            task::yield_now().await; // A clean-up may await.
            "cleaned up"
        });
        Ok(format!("{} in time", end.await.map_err(io::Error::other)?))
    })
}
