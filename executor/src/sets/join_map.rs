//! A set of tasks with keys.

use super::JoinSet;
use crate::local::LocalSet;
use crate::runtime::Handle;
use crate::task::{AbortHandle, Builder, Id, JoinError};
use std::borrow::Borrow;
use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::hash::{BuildHasher, Hash, RandomState};
use std::panic::Location;

/// Tasks with keys, joined in the order in which they end. Names and meanings are those of `tokio_util::task`.
///
/// A key has one task at most: spawning another under it aborts the first, which then is not joined. Dropping the map
/// aborts all.
///
/// ```
/// # raddle::block_on(async {
/// let mut tasks = raddle::task::JoinMap::new();
/// tasks.spawn("forever", std::future::pending());
/// tasks.spawn("seven", async { 7 });
/// let (key, output) = tasks.join_next().await.unwrap();
/// assert_eq!((key, output.unwrap()), ("seven", 7));
/// assert!(tasks.abort("forever"));
/// assert!(tasks.join_next().await.unwrap().1.unwrap_err().is_cancelled());
/// # })
/// ```
pub struct JoinMap<K, V, S = RandomState> {
    set: JoinSet<V>,
    /// What a task's id leads to; tasks that were replaced are missing.
    by_id: HashMap<Id, Entry<K>>,
    /// The ids of the keys with a hash, nearly always one.
    by_hash: HashMap<u64, Vec<Id>>,
    hasher: S,
}

struct Entry<K> {
    key: K,
    hash: u64,
    handle: AbortHandle,
}

impl<K, V> JoinMap<K, V> {
    /// Without tasks.
    pub fn new() -> JoinMap<K, V> {
        JoinMap::with_hasher(RandomState::new())
    }
}

impl<K, V, S> JoinMap<K, V, S> {
    /// Without tasks, and with a hasher of one's own.
    pub fn with_hasher(hasher: S) -> JoinMap<K, V, S> {
        JoinMap { set: JoinSet::new(), by_id: HashMap::new(), by_hash: HashMap::new(), hasher }
    }

    /// How many tasks have a key, ended or not.
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Whether there is no task.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The keys, in no order.
    pub fn keys(&self) -> impl Iterator<Item = &K> {
        self.by_id.values().map(|entry| &entry.key)
    }

    /// Whether the task with this id is in the map.
    pub fn contains_task(&self, id: &Id) -> bool {
        self.by_id.contains_key(id)
    }

    /// Aborts every task. They stay in the map, to be joined.
    pub fn abort_all(&mut self) {
        self.set.abort_all();
    }

    /// Takes all tasks out of the map, and lets them go on.
    pub fn detach_all(&mut self) {
        self.set.detach_all();
        self.by_hash.clear();
        // Keys have destructors: last.
        self.by_id.clear();
    }

    /// Aborts every task, and waits until all have ended.
    ///
    /// # Cancel safety
    /// The tasks are aborted; those not waited for stay in the map.
    pub async fn shutdown(&mut self) {
        self.set.abort_all();
        // One by one: a key goes with its task, also if this future is dropped in between.
        while self.join_next().await.is_some() {}
    }

    fn remove(&mut self, id: Id) -> Option<Entry<K>> {
        let entry = self.by_id.remove(&id)?;
        if let Some(ids) = self.by_hash.get_mut(&entry.hash) {
            ids.retain(|other| *other != id);
            if ids.is_empty() {
                self.by_hash.remove(&entry.hash);
            }
        }
        Some(entry)
    }

    /// Waits until a task ends, and takes it out of the map. `None` if the map is empty.
    ///
    /// # Errors
    /// In the pair, if the task panicked or was aborted.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn join_next(&mut self) -> Option<(K, Result<V, JoinError>)> {
        loop {
            let (id, output) = split(self.set.join_next_with_id().await?);
            // One that was replaced has no key any more.
            if let Some(entry) = self.remove(id) {
                return Some((entry.key, output));
            }
        }
    }

    /// A task that has ended, which leaves the map. `None` if none has.
    ///
    /// # Errors
    /// In the pair, if the task panicked or was aborted.
    pub fn try_join_next(&mut self) -> Option<(K, Result<V, JoinError>)> {
        loop {
            let (id, output) = split(self.set.try_join_next_with_id()?);
            if let Some(entry) = self.remove(id) {
                return Some((entry.key, output));
            }
        }
    }
}

fn split<V>(joined: Result<(Id, V), JoinError>) -> (Id, Result<V, JoinError>) {
    match joined {
        Ok((id, output)) => (id, Ok(output)),
        Err(error) => (error.id(), Err(error)),
    }
}

impl<K: Hash + Eq, V, S: BuildHasher> JoinMap<K, V, S> {
    fn find<Q>(&self, key: &Q) -> Option<&Entry<K>>
    where
        Q: Hash + Eq + ?Sized,
        K: Borrow<Q>,
    {
        let ids = self.by_hash.get(&self.hasher.hash_one(key))?;
        let mut entries = ids.iter().filter_map(|id| self.by_id.get(id));
        entries.find(|entry| entry.key.borrow() == key)
    }

    /// Whether a task with this key is in the map, ended or not.
    pub fn contains_key<Q>(&self, key: &Q) -> bool
    where
        Q: Hash + Eq + ?Sized,
        K: Borrow<Q>,
    {
        self.find(key).is_some()
    }

    /// Aborts the task with this key, which stays in the map, to be joined. Says whether there is one.
    pub fn abort<Q>(&mut self, key: &Q) -> bool
    where
        Q: Hash + Eq + ?Sized,
        K: Borrow<Q>,
    {
        let entry = self.find(key);
        entry.inspect(|entry| entry.handle.abort()).is_some()
    }

    /// Aborts all tasks whose keys `predicate` likes.
    pub fn abort_matching(&mut self, mut predicate: impl FnMut(&K) -> bool) {
        for entry in self.by_id.values() {
            if predicate(&entry.key) {
                entry.handle.abort();
            }
        }
    }

    /// Puts a task, which `spawn` starts, under `key`.
    fn insert(&mut self, key: K, spawn: impl FnOnce(&mut JoinSet<V>) -> AbortHandle) {
        // First, because it is the user's code, and may panic: a task without a key would be lost in the set.
        let hash = self.hasher.hash_one(&key);
        let replaced = self.find(&key).map(|entry| entry.handle.id());
        let handle = spawn(&mut self.set);
        let id = handle.id();
        self.by_hash.entry(hash).or_default().push(id);
        self.by_id.insert(id, Entry { key, hash, handle });
        if let Some(entry) = replaced.and_then(|id| self.remove(id)) {
            entry.handle.abort();
        }
    }
}

impl<K: Hash + Eq, V: Send + 'static, S: BuildHasher> JoinMap<K, V, S> {
    /// Spawns a task under `key`; one that was there is aborted, and not joined any more.
    ///
    /// # Panics
    /// Outside a runtime.
    #[track_caller]
    pub fn spawn<F>(&mut self, key: K, future: F)
    where
        F: Future<Output = V> + Send + 'static,
    {
        let builder = Builder::new().location(Location::caller());
        self.insert(key, |set| set.insert(builder.spawn(future)));
    }

    /// As [`spawn`](JoinMap::spawn), on a given runtime, from any thread.
    #[track_caller]
    pub fn spawn_on<F>(&mut self, key: K, future: F, runtime: &Handle)
    where
        F: Future<Output = V> + Send + 'static,
    {
        let builder = Builder::new().location(Location::caller());
        self.insert(key, |set| set.insert(builder.spawn_on(future, runtime)));
    }

    /// Runs a function that may block, under `key`.
    ///
    /// # Panics
    /// Outside a runtime.
    #[track_caller]
    pub fn spawn_blocking<F>(&mut self, key: K, f: F)
    where
        F: FnOnce() -> V + Send + 'static,
    {
        let builder = Builder::new().location(Location::caller());
        self.insert(key, |set| set.insert(builder.spawn_blocking(f)));
    }

    /// As [`spawn_blocking`](JoinMap::spawn_blocking), on a given runtime, from any thread.
    #[track_caller]
    pub fn spawn_blocking_on<F>(&mut self, key: K, f: F, runtime: &Handle)
    where
        F: FnOnce() -> V + Send + 'static,
    {
        let builder = Builder::new().location(Location::caller());
        self.insert(key, |set| set.insert(builder.spawn_blocking_on(f, runtime)));
    }
}

impl<K: Hash + Eq, V: 'static, S: BuildHasher> JoinMap<K, V, S> {
    /// Spawns a local task under `key`. See [`task::spawn_local`](crate::task::spawn_local).
    ///
    /// # Panics
    /// Outside a [`LocalSet`].
    #[track_caller]
    pub fn spawn_local<F>(&mut self, key: K, future: F)
    where
        F: Future<Output = V> + 'static,
    {
        let builder = Builder::new().location(Location::caller());
        self.insert(key, |set| set.insert(builder.spawn_local(future)));
    }

    /// Spawns a task of a given set of local tasks under `key`.
    #[track_caller]
    pub fn spawn_local_on<F>(&mut self, key: K, future: F, local: &LocalSet)
    where
        F: Future<Output = V> + 'static,
    {
        let builder = Builder::new().location(Location::caller());
        self.insert(key, |set| set.insert(builder.spawn_local_on(future, local)));
    }
}

impl<K, V, S: Default> Default for JoinMap<K, V, S> {
    fn default() -> JoinMap<K, V, S> {
        JoinMap::with_hasher(S::default())
    }
}

impl<K: fmt::Debug, V, S> fmt::Debug for JoinMap<K, V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.keys()).finish()
    }
}
