"""What commands tell beside what they write."""
