"""Message parts that all exchanges share: metadata, persons, money, errors; between XML and the domain."""
